/* Classifies images with the network that train.py has written, and prints how many it gets right, and the digest of
 * all its outputs: that of the network in Python. */
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "digits.h"
#include "images.h"

static uint32_t digest = 0x811c9dc5; /* FNV-1a */

static void add_bits(const float *z, int n)
{
    for (int i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, z + i, sizeof bits);
        digest = (digest ^ bits) * 0x01000193;
    }
}

/* A number below 1000. */
static const char *decimal(unsigned n)
{
    static char text[4];
    char *at = text + 3;
    do
        *--at = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    return at;
}

static const char *hexadecimal(uint32_t n)
{
    static char text[9];
    for (int i = 8; i-- > 0; n >>= 4)
        text[i] = "0123456789abcdef"[n & 15];
    return text;
}

int main(void)
{
    unsigned right = 0;
    for (int k = 0; k < IMAGES; k++) {
        float x[DIGITS_INPUTS], z[DIGITS_OUTPUTS];
        for (int i = 0; i < PIXELS; i++)
            x[i] = (float)images[k][i] / 16;
        digits_forward(x, z);
        add_bits(z, DIGITS_OUTPUTS);
        right += digits_predict(x) == digits[k];
    }
    board_print(decimal(right));
    board_print(" of ");
    board_print(decimal(IMAGES));
    board_print(" digits are right\nbits of all outputs: ");
    board_print(hexadecimal(digest));
    board_print("\n");
    return 0;
}
