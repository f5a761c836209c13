#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "retort/core/error.h"
#include "retort/train/schedule.h"

namespace retort::run {

// The options that take one of a few words, and the words. Nothing else compares an option's text.

enum class TeacherHead : uint8_t { probe, keep, zero_shot };
enum class TeacherInit : uint8_t { linear_probe, finetune, scratch };
enum class OptimizerKind : uint8_t { automatic, muon, adamw };
enum class StartKind : uint8_t { silent, as_published };
enum class PrecisionKind : uint8_t { automatic, fp32, bf16 };
enum class MoreViews : uint8_t { repeat, live };
enum class ImageStoreKind : uint8_t { automatic, pixels, files };
enum class TrustedLabels : uint8_t { real, all };
enum class ExtraLosses : uint8_t { all, embedding };
enum class Budget : uint8_t { steps, time, paper };  // of `retort compare`

template <typename Choice>
struct Words;
template <>
struct Words<TeacherHead> {
  static constexpr std::array kTable{std::pair{TeacherHead::probe, "probe"},
                                     std::pair{TeacherHead::keep, "keep"},
                                     std::pair{TeacherHead::zero_shot, "zero-shot"}};
};
template <>
struct Words<TeacherInit> {
  static constexpr std::array kTable{std::pair{TeacherInit::linear_probe, "linear-probe"},
                                     std::pair{TeacherInit::finetune, "finetune"},
                                     std::pair{TeacherInit::scratch, "scratch"}};
};
template <>
struct Words<OptimizerKind> {
  static constexpr std::array kTable{std::pair{OptimizerKind::automatic, "auto"},
                                     std::pair{OptimizerKind::muon, "muon"},
                                     std::pair{OptimizerKind::adamw, "adamw"}};
};
template <>
struct Words<StartKind> {
  static constexpr std::array kTable{std::pair{StartKind::silent, "silent"},
                                     std::pair{StartKind::as_published, "public"}};
};
template <>
struct Words<PrecisionKind> {
  static constexpr std::array kTable{std::pair{PrecisionKind::automatic, "auto"},
                                     std::pair{PrecisionKind::fp32, "fp32"},
                                     std::pair{PrecisionKind::bf16, "bf16"}};
};
template <>
struct Words<MoreViews> {
  static constexpr std::array kTable{std::pair{MoreViews::repeat, "repeat"},
                                     std::pair{MoreViews::live, "live"}};
};
template <>
struct Words<ImageStoreKind> {
  static constexpr std::array kTable{std::pair{ImageStoreKind::automatic, "auto"},
                                     std::pair{ImageStoreKind::pixels, "pixels"},
                                     std::pair{ImageStoreKind::files, "files"}};
};
template <>
struct Words<TrustedLabels> {
  static constexpr std::array kTable{std::pair{TrustedLabels::real, "real"},
                                     std::pair{TrustedLabels::all, "all"}};
};
template <>
struct Words<ExtraLosses> {
  static constexpr std::array kTable{std::pair{ExtraLosses::all, "all"},
                                     std::pair{ExtraLosses::embedding, "embedding"}};
};
template <>
struct Words<Budget> {
  static constexpr std::array kTable{std::pair{Budget::steps, "steps"},
                                     std::pair{Budget::time, "time"},
                                     std::pair{Budget::paper, "paper"}};
};
template <>
struct Words<train::Schedule> {
  static constexpr std::array kTable{std::pair{train::Schedule::linear, "linear"},
                                     std::pair{train::Schedule::cosine, "cosine"},
                                     std::pair{train::Schedule::constant, "constant"}};
};

template <typename Choice>
concept Worded = requires {
  Words<Choice>::kTable;
};

template <Worded Choice>
std::string word_of(Choice choice) {
  for (const auto& [each, word] : Words<Choice>::kTable)
    if (each == choice) return word;
  return {};
}

// Throws UsageError, naming the option and its words.
template <Worded Choice>
Choice choice_from(const std::string& given, const std::string& option) {
  std::string known;
  for (const auto& [each, word] : Words<Choice>::kTable) {
    if (given == word) return each;
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  throw UsageError("is '" + given + "'", option, "one of: " + known);
}

}  // namespace retort::run
