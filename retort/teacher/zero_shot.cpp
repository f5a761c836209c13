#include "retort/teacher/zero_shot.h"

#include "retort/hub/snapshot.h"
#include "retort/models/text_tower.h"
#include "retort/text/tokenizer.h"

namespace retort::teacher {

void set_zero_shot_head(Teacher& teacher, const std::filesystem::path& weights,
                        const std::vector<std::vector<std::string>>& texts) {
  const auto tokenizer = text::open_tokenizer(hub::snapshot_at(weights).folder);
  const models::TextTower tower = models::read_text_tower(weights);
  std::vector<at::Tensor> rows;
  for (const std::vector<std::string>& of_class : texts) {
    std::vector<at::Tensor> tokens;
    for (const std::string& text : of_class)
      tokens.push_back(at::tensor(tokenizer->encode(text, tower.length()), at::kLong));
    const at::Tensor mean = tower.embed(at::stack(tokens), tokenizer->end().value_or(-1)).mean(0);
    rows.push_back(mean / mean.norm().clamp_min(1e-12));
  }
  teacher.set_head(at::stack(rows) * tower.scale(),
                   at::full({static_cast<int64_t>(rows.size())}, tower.bias()));
}

}  // namespace retort::teacher
