#pragma once

// RETORT_REGISTERED(call) makes that call when the program starts. Each use has a name of its own,
// also where files are compiled together.
#define RETORT_JOINED(a, b) a##b
#define RETORT_NUMBERED(name, number) RETORT_JOINED(name, number)
#define RETORT_REGISTERED(...) \
  [[maybe_unused]] static const int RETORT_NUMBERED(retort_registered_, __COUNTER__) = __VA_ARGS__
