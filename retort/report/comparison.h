#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace retort::report {

// Mean and sample standard deviation (n − 1) over seeds. NaN where undefined: the deviation of
// fewer than two values, the mean of none.
struct Spread {
  double mean = 0, deviation = 0;
};
Spread spread_of(const std::vector<double>& values);
// "57.4 ± 0.6", or "57.4" where there is no deviation.
std::string to_string(const Spread& spread);

// One way to train the student, over its seeds.
struct Arm {
  std::string name;                              // such as "distill align_uniform + kd"
  std::string teacher;                           // the teacher's file name, or empty
  std::vector<double> accuracy, class_accuracy;  // percent on the split, one a seed
  std::vector<double> validation;                // percent on validation, one a seed
  double training_seconds = 0;                   // mean over seeds
  double teacher_seconds = 0;                    // head and outputs: once, for all seeds
  int64_t image_steps = 0;                       // student images trained on, for one seed
  int64_t pretraining_steps = 0;                 // image-steps of the published pre-training
  double saved = 0;  // percent of the time of pre-training and finetuning; NaN: unknown
};

struct Comparison {
  std::string title, student, split = "test";
  std::string budget;                 // the rule of --budget, in words
  std::string pretraining;            // how its cost was estimated, or why it was not
  std::string measures;               // measures of the teachers before the runs, or empty
  std::vector<std::string> teachers;  // "efficientnet_lite2.pth: 83.2 % on test"
  std::vector<Arm> arms;
};

// The comparison as aligned text, as Markdown, and as one HTML page that loads nothing.
std::string render_text(const Comparison& comparison);
std::string render_markdown(const Comparison& comparison);
std::string render_html(const Comparison& comparison);

}  // namespace retort::report
