#pragma once

// Before a function: one clone of it for each level of the processor's vectors, chosen when the program is loaded; what it calls has to be
// inlined into it to gain by that. Not under sanitizers, which cannot be called that early.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define RETORT_VECTORISED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define RETORT_VECTORISED
#endif
