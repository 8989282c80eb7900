/* The end of the region that vec_avx2.h or vec_avx512.h opened: the last include of a file in arch/. */
#ifdef MLPC_TARGET_REGION
#undef MLPC_TARGET_REGION
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
