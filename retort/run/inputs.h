#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/run/open_data.h"
#include "retort/run/plan.h"

namespace retort::run {

// What a run is made of, beside its settings. A result is reused, and an unfinished run is gone on
// with, only where this is the same.
struct Inputs {
  std::string version;                // of the program
  std::string data;                   // data::content_hash, and the file of --classes
  std::vector<std::string> teachers;  // of each, its weights' hash, and on the hub its commit
  std::string student_weights;        // the same; empty: random ones
  std::vector<std::string> extras;    // data::content_hash of each --extra

  bool operator==(const Inputs&) const = default;
};

// As they are now. Nothing is asked of the hub: weights that are not in its cache have no hash yet.
// Throws what reading an extra's folder throws.
Inputs inputs_of(const Plan& plan, const ListedData& data, const Context& context);

// The data of a run and what it is made of, each read when it is first asked for, and once.
class Sources {
 public:
  explicit Sources(const Plan& plan) : plan_(plan) {}
  const ListedData& data(const Context& context);
  const Inputs& inputs(const Context& context);
  // Weights from the hub are in its cache now: those that had no hash get one.
  const Inputs& inputs_after_pull(const Context& context);

 private:
  const Plan& plan_;
  std::optional<ListedData> data_;
  std::optional<Inputs> inputs_;
};

// In words, which of them differ: "the data, the teacher". Empty where none does.
std::string differences(const Inputs& before, const Inputs& now);

nlohmann::json to_json(const Inputs& inputs);
// Of what an older program wrote: inputs that equal none.
Inputs inputs_from(const nlohmann::json& json);

}  // namespace retort::run
