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
  int64_t kept = 0, other_class = 0, unsure = 0, duplicate = 0;  // images
  std::vector<GateImage> kept_images, rejected_images;           // some of them
};

// What the gate let through, beside what it set aside: one HTML file that opens offline, with
// counts a class.
struct GatePage {
  std::string title, rule;  // the rule in words
  std::vector<GateClass> classes;
};
std::string render_html(const GatePage& page);

}  // namespace retort::report
