/* A Cortex-M4 from reset to main, and a console by semihosting, which debuggers and emulators have. */
#include "board.h"

#include <stdint.h>

extern uint32_t stack_top, data_start, data_end, data_source, bss_start, bss_end; /* of cortex-m4.ld */
int main(void);

enum { SYS_WRITE0 = 4, SYS_EXIT = 24, APPLICATION_EXIT = 0x20026 };

static void semihosting(uint32_t operation, uintptr_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void board_print(const char *text) { semihosting(SYS_WRITE0, (uintptr_t)text); }

static void reset(void)
{
    *(volatile uint32_t *)0xe000ed88 |= (uint32_t)0xf << 20; /* CPACR: the floating-point unit is on */
    __asm__ volatile("dsb\n\tisb");
    for (uint32_t *to = &data_start, *from = &data_source; to < &data_end;)
        *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;)
        *to++ = 0;
    semihosting(SYS_EXIT, main() == 0 ? APPLICATION_EXIT : 0);
    for (;;)
        continue;
}

/* Any fault ends the program, as a failure. */
static void fault(void) { semihosting(SYS_EXIT, 0); }

typedef void (*handler)(void);
__attribute__((section(".vectors"))) const struct {
    uint32_t *stack;
    handler reset, nmi, hard_fault, memory_fault, bus_fault, usage_fault;
} vectors = {&stack_top, reset, fault, fault, fault, fault, fault};
