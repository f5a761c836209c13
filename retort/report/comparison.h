#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace retort::report {

// Mean and sample standard deviation (n − 1) over seeds; the deviation of fewer than two is not a
// number.
struct Spread {
  double mean = 0, deviation = 0;
};
Spread spread_of(const std::vector<double>& values);
// "57.4 ± 0.6", or "57.4" where there is no deviation.
std::string to_string(const Spread& spread);

// One way to train the student, over its seeds.
struct Arm {
  std::string name;                              // "scratch", "distill align_uniform + kd"
  std::string teacher;                           // its file's name, or empty
  std::vector<double> accuracy, class_accuracy;  // percent on test, one a seed
  std::vector<double> validation;                // percent
  double training_seconds = 0;                   // mean
  double teacher_seconds = 0;     // head, outputs: paid once, whatever the number of seeds
  int64_t image_steps = 0;        // student images trained on, of each seed
  int64_t pretraining_steps = 0;  // those that its first weights were trained on before, published
  double saved = 0;  // percent of pre-training and finetuning's time; not a number where unknown
};

struct Comparison {
  std::string title, student, split = "test";
  std::string budget;                 // the rule, in words
  std::string pretraining;            // how its cost was estimated, or why it was not
  std::string measures;               // of the teachers, before the runs; or empty
  std::vector<std::string> teachers;  // "efficientnet_lite2.pth: 83.2 % on test"
  std::vector<Arm> arms;
};

// Aligned text, Markdown, and one HTML file that opens offline.
std::string render_text(const Comparison& comparison);
std::string render_markdown(const Comparison& comparison);
std::string render_html(const Comparison& comparison);

}  // namespace retort::report
