#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace retort::report {

struct GateImage {
  std::string picture;  // a thumbnail's data URI
  std::string caption;  // "0.93", "looks like forest"
};

struct GateClass {
  std::string name;
  int64_t kept = 0, other_class = 0, unsure = 0, duplicate = 0;  // numbers of images
  std::vector<GateImage> kept_images, rejected_images;           // some of them
};

// The page of `retort gate`: for each class, how many images were kept and rejected, and some of
// both. render_html returns one HTML page that loads nothing.
struct GatePage {
  std::string title, rule;  // the rule in words
  std::vector<GateClass> classes;
};
std::string render_html(const GatePage& page);

}  // namespace retort::report
