/* Codes of values, see code_book.h. */
#include "code_book.h"

void mlpc_code_book_begin(mlpc_code_book *book)
{
    for (size_t slot = 0; slot < MLPC_CODE_SLOTS; slot++)
        book->code[slot] = MLPC_NO_CODE;
}

unsigned mlpc_code_find(mlpc_code_book *book, uint64_t bits, size_t slot)
{
    while (book->code[slot] != MLPC_NO_CODE) {
        if (book->bits[book->code[slot]] == bits)
            return book->code[slot];
        slot = (slot + 1) % MLPC_CODE_SLOTS;
    }
    if (book->used == MLPC_CODES)
        return MLPC_NO_CODE;
    book->bits[book->used] = bits;
    return book->code[slot] = (uint16_t)book->used++;
}
