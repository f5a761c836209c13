#include "retort/run/objects.h"

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::run {

Ranks& ranks_of(const RunConfig& config) {
  return config.objects && config.objects->ranks ? *config.objects->ranks : alone();
}

const GivenNetwork& given_network(const RunConfig& config, const std::string& name) {
  if (config.objects) {
    const auto found = config.objects->networks.find(name);
    if (found != config.objects->networks.end()) return found->second;
  }
  throw UsageError("was an object of the program that began this run, and stands in no file",
                   printable(name), "give it again: retort.distill(…, teacher=…) in Python");
}

}  // namespace retort::run
