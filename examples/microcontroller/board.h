/* What the program needs of its board. */
#ifndef BOARD_H
#define BOARD_H

/* To the console of the debugger, or of the emulator. */
void board_print(const char *text);

#endif
