#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace retort::run {

// A teacher on the hub that retort reads and whose licence allows commercial use.
struct RecommendedTeacher {
  const char* name;     // as --teacher takes it: hf:ORG/NAME, with @PIXELS where its own are many
  double parameters;    // millions
  const char* licence;  // of the weights, as their page on the hub has it
  const char* what;     // in a few words
};

// The best first, as a teacher of tasks that it was not trained on.
std::span<const RecommendedTeacher> recommended_teachers();

// The first of them that the hub's cache holds. Throws Error that says how to pull one where it
// holds none.
std::string automatic_teacher();

// A table for people, with what is in the cache marked.
std::string text_of_recommended();

}  // namespace retort::run
