#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/teacher/teacher.h"

namespace retort::teacher {

// Gives a teacher of embeddings (TeacherSource.embedding) a head without labels. A class's row is
// the mean of its texts' embeddings, scaled to norm 1 (Radford et al. 2021, arXiv 2103.00020,
// section 3.1.4), times the model's scale; its bias is the model's. `weights` is the teacher's
// folder, with its text tower and tokenizer. `texts` has at least one text for each class. Throws
// Error where the folder lacks either, and, naming the text, where a text cannot be read.
void set_zero_shot_head(Teacher& teacher, const std::filesystem::path& weights,
                        const std::vector<std::vector<std::string>>& texts);

}  // namespace retort::teacher
