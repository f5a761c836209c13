#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace retort::run {

// A teacher on the hub that retort can read and whose licence allows commercial use.
struct RecommendedTeacher {
  const char* name;     // as --teacher takes it: hf:ORG/NAME, with @PIXELS where its own are many
  double parameters;    // in millions
  const char* licence;  // of the weights, from their page on the hub
  const char* what;     // a short description
};

// Sorted by how well they teach tasks that they were not trained on, the best first.
std::span<const RecommendedTeacher> recommended_teachers();

// The first of them that is in the hub's cache. Throws Error, which says how to pull one, where
// none is.
std::string automatic_teacher();

// A table for people, which marks those in the cache.
std::string text_of_recommended();

}  // namespace retort::run
