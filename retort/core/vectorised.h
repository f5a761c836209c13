#pragma once

// RETORT_VECTORISED before a function compiles it once for each level of x86-64's vector
// instructions; the clone is chosen when the program is loaded. Functions that it calls gain only
// where they are inlined. Sanitizers do not work that early, so under them there are no clones.
// RETORT_AVX512, where it is defined, compiles a function for vectors of 512 bits: call it only
// where has_avx512() is true.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define RETORT_VECTORISED \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define RETORT_AVX512 __attribute__((target("arch=x86-64-v4")))
#else
#define RETORT_VECTORISED
#endif

namespace retort {

inline bool has_avx512() {
#ifdef RETORT_AVX512
  return __builtin_cpu_supports("x86-64-v4") != 0;
#else
  return false;
#endif
}

}  // namespace retort
