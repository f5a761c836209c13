// Writes and reads a trainer's checkpoints.
#include "retort/core/error.h"
#include "retort/core/hash.h"
#include "retort/core/safetensors.h"
#include "retort/train/trainer.h"

namespace retort::train {
namespace {

constexpr const char* kFormat = "retort-checkpoint-5";

void put(StateDict& into, const std::string& prefix, const StateDict& state) {
  for (const auto& [name, tensor] : state) into[prefix + name] = tensor;
}

StateDict take(const StateDict& from, const std::string& prefix) {
  StateDict state;
  for (auto found = from.lower_bound(prefix);
       found != from.end() && found->first.starts_with(prefix); ++found)
    state[found->first.substr(prefix.size())] = found->second;
  return state;
}

StateDict head_of(const TrainData& data) {
  if (data.teacher == nullptr) return {};
  return {{"weight", data.teacher->weight}, {"bias", data.teacher->bias}};
}

constexpr const char* kChecksum = "checksum";

// A checksum of everything else in the file. Without it training would go on after a flipped bit.
std::string checksum_of(const StateDict& tensors, const Metadata& metadata) {
  Hasher hasher;
  for (const auto& [name, tensor] : tensors) hasher.text(name).bytes(bytes_of(tensor));
  for (const auto& [name, text] : metadata)
    if (name != kChecksum) hasher.text(name).text(text);
  return hasher.hex();
}

TensorFile read_checkpoint(const std::filesystem::path& path) {
  try {
    return read_safetensors(path);
  } catch (const Error& broken) {
    throw Error(broken.parts().what, broken.parts().where, "train again without --resume");
  }
}

// The names of the fields in which two fingerprints differ.
std::string differences(const std::string& one, const std::string& other) {
  const auto a = nlohmann::json::parse(one, nullptr, false),
             b = nlohmann::json::parse(other, nullptr, false);
  std::string names;
  for (const auto& [name, value] : b.items())
    if (!a.is_object() || !a.contains(name) || a.at(name) != value)
      names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace

// A head that is fitted again may differ by rounding. A larger difference means other labels,
// classes or prompts.
void Trainer::check_head(const StateDict& head, const std::string& where) const {
  constexpr double kRounding = 0.01;
  for (const auto& [name, tensor] : head_of(data_)) {
    const auto found = head.find(name);
    if (found != head.end() && found->second.sizes() == tensor.sizes() &&
        (found->second - tensor).norm().item<double>() <=
            kRounding * tensor.norm().item<double>() + 1e-6)
      continue;
    throw Error("was made with another head of the teacher", where, "train again without --resume");
  }
}

void Trainer::save(const std::filesystem::path& path) const {
  StateDict all;
  put(all, "student.", models::state_of(student_));
  put(all, "objective.", models::state_of(objective_));
  put(all, "optimizer.", optimizer_.state());
  put(all, "ema.", ema_);
  put(all, "best.", best_);
  put(all, "teacher.", head_of(data_));
  for (auto& [name, tensor] : all) tensor = tensor.detach().to(at::kCPU).contiguous();
  Metadata metadata{{"format", kFormat},
                    {"fingerprint", fingerprint(options_, data_, student_.spec())},
                    {"position", nlohmann::json(position_).dump()}};
  metadata[kChecksum] = checksum_of(all, metadata);
  write_safetensors(path, all, metadata);
}

void Trainer::load(const std::filesystem::path& path) {
  const TensorFile file = read_checkpoint(path);
  const auto meta = [&](const std::string& key) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end())
      throw Error("is not a retort checkpoint: it lacks '" + key + "'", path.string(),
                  "train again without --resume");
    return found->second;
  };
  if (meta("format") != kFormat)
    throw Error("is of another version: " + meta("format"), path.string(),
                "train again without --resume");
  if (meta(kChecksum) != checksum_of(file.tensors, file.metadata))
    throw Error("is damaged", path.string(), "train again without --resume");
  if (const std::string own = fingerprint(options_, data_, student_.spec());
      meta("fingerprint") != own)
    throw Error("was made with other settings, data or teacher (" +
                    differences(meta("fingerprint"), own) + ")",
                path.string(),
                "resume with `--config` of that run, or train again without --resume");
  check_head(take(file.tensors, "teacher."), path.string());
  position_ = position_from(meta("position"),
                            {options_.epochs, batches_.count(), batches_.images()}, path.string());
  models::copy_into(models::state_of(student_), take(file.tensors, "student."), path.string());
  models::copy_into(models::state_of(objective_), take(file.tensors, "objective."), path.string());
  optimizer_.load(take(file.tensors, "optimizer."), path.string());
  models::copy_into(ema_, take(file.tensors, "ema."), path.string());
  if (position_.kept_epoch == 0) return;
  best_ = models::clone(models::state_of(student_));
  models::copy_into(best_, take(file.tensors, "best."), path.string());
}

}  // namespace retort::train
