/* Codes of values: up to 256 different ones, by the order in which they come. */
#ifndef MLPC_CODE_BOOK_H
#define MLPC_CODE_BOOK_H

#include <stddef.h>
#include <stdint.h>

/* code[slot] is that of the value whose bits' hash is the slot, or of one whose own slots before this were taken;
 * MLPC_NO_CODE where there is none. */
enum { MLPC_CODE_SLOTS = 4096, MLPC_CODES = 256, MLPC_NO_CODE = MLPC_CODES };
typedef struct {
    uint16_t code[MLPC_CODE_SLOTS];
    uint64_t bits[MLPC_CODES + 1]; /* of the values; 0, which none has, from `used` on */
    size_t used;
} mlpc_code_book;

/* Without a value; its memory was all zero. */
void mlpc_code_book_begin(mlpc_code_book *book);

/* The code of bits that are not in their own slot; MLPC_NO_CODE where there are too many values. */
unsigned mlpc_code_find(mlpc_code_book *book, uint64_t bits, size_t slot);

/* The code of bits that are not 0; a value whose bits are has none. */
static inline unsigned mlpc_code_of(mlpc_code_book *book, uint64_t bits)
{
    const size_t slot = (size_t)(bits * UINT64_C(0x9E3779B97F4A7C15) >> 52);
    const unsigned code = book->code[slot];
    return book->bits[code] == bits ? code : mlpc_code_find(book, bits, slot);
}

#endif
