#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/run/open_data.h"
#include "retort/run/plan.h"

namespace retort::run {

// The inputs of a run, besides its settings. A result is reused, and an unfinished run continued,
// only where they are the same.
struct Inputs {
  std::string version;                // of retort
  std::string data;                   // data::content_hash, and the hash of the file of --classes
  std::vector<std::string> teachers;  // for each, a hash of its weights, or for the hub its commit
  std::string student_weights;        // the same; empty for random weights
  std::vector<std::string> extras;    // data::content_hash of each --extra

  bool operator==(const Inputs&) const = default;
};

// The inputs as they are now. It does not ask the hub: weights that are not in its cache have no
// hash yet. Throws Error where an extra's folder cannot be read.
Inputs inputs_of(const Plan& plan, const ListedData& data, const Context& context);

// The data of a run and its inputs. Each is read when it is first asked for, and only once.
class Sources {
 public:
  explicit Sources(const Plan& plan) : plan_(plan) {}
  const ListedData& data(const Context& context);
  const Inputs& inputs(const Context& context);
  // The same, with hashes for weights that were pulled from the hub meanwhile.
  const Inputs& inputs_after_pull(const Context& context);

 private:
  const Plan& plan_;
  std::optional<ListedData> data_;
  std::optional<Inputs> inputs_;
};

// Names the inputs that differ: "the data, the teacher". Empty where none does.
std::string differences(const Inputs& before, const Inputs& now);

nlohmann::json to_json(const Inputs& inputs);
// Reads inputs. From what an older retort wrote it makes inputs that equal no others.
Inputs inputs_from(const nlohmann::json& json);

}  // namespace retort::run
