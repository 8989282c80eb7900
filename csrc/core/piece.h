/* Pieces of work, between which a call asks whether to go on. */
#ifndef MLPC_PIECE_H
#define MLPC_PIECE_H

#include "../kernels/kernels.h"

/* How many of `count` things, of a * b terms each, make a piece: at least one. */
static inline size_t mlpc_piece(const mlpc_kernels *kernels, size_t count, size_t a, size_t b)
{
    const size_t fit = kernels->piece / a / b;
    return fit == 0 ? 1 : fit < count ? fit : count;
}

/* Rows of a packed product, and how many of its panels, or on the way back inputs. */
typedef struct {
    size_t rows, count;
} mlpc_product_piece;

/* Of n > 0 rows and `count` > 0 panels or inputs, of `terms` each for a row: all of these where that leaves as many
 * rows as kernels like to take, since each piece reads their weights, which may come from afar; else as many as make a
 * piece of so many rows, or one of fewer. */
static inline mlpc_product_piece mlpc_piece_of_product(const mlpc_kernels *kernels, size_t n, size_t count,
                                                       size_t terms)
{
    const size_t of_all = mlpc_piece(kernels, n, count, terms);
    if (of_all >= n || of_all >= kernels->rows)
        return (mlpc_product_piece){mlpc_even_rows(n, of_all), count};
    const size_t of_one = mlpc_piece(kernels, n, terms, 1);
    if (of_one < kernels->rows)
        return (mlpc_product_piece){of_one, 1};
    const size_t rows = mlpc_even_rows(n, kernels->rows);
    return (mlpc_product_piece){rows, mlpc_piece(kernels, count, rows < n ? rows : n, terms)};
}

#endif
