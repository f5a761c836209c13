#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "retort/core/words.h"
#include "retort/train/schedule.h"

namespace retort::run {

// The options that take one of a few words, as enumerations with their words. No other code
// compares an option's text.

// A loss by its name; empty for the word none.
using LossName = std::optional<std::string>;
inline constexpr const char* kNoLoss = "none";
inline LossName loss_from(const std::string& word) {
  return word == kNoLoss ? LossName() : LossName(word);
}
inline std::string loss_word(const LossName& loss) { return loss.value_or(kNoLoss); }

enum class TeacherWord : uint8_t { none, automatic };  // words that --teacher takes besides names
enum class TeacherHead : uint8_t { probe, keep, zero_shot };
enum class TeacherInit : uint8_t { linear_probe, finetune, scratch };
enum class OptimizerKind : uint8_t { automatic, muon, adamw };
enum class StartKind : uint8_t { silent, as_published };
enum class PrecisionKind : uint8_t { automatic, fp32, bf16 };
enum class MoreViews : uint8_t { repeat, live };
enum class ImageStoreKind : uint8_t { automatic, pixels, files };
enum class TrustedLabels : uint8_t { real, all };
enum class ExtraLosses : uint8_t { all, embedding };
enum class ArmKind : uint8_t { scratch, linear_probe, finetune, distill, finetune_distill };
enum class Budget : uint8_t { steps, time, paper };  // of `retort compare`
enum class Recipe : uint8_t { paper, patient };
enum class EvaluatedSplit : uint8_t { test, validation, train, all };

}  // namespace retort::run

namespace retort {

template <>
struct Words<run::TeacherWord> {
  static constexpr std::array kTable{std::pair{run::TeacherWord::none, "none"},
                                     std::pair{run::TeacherWord::automatic, "auto"}};
};
template <>
struct Words<run::TeacherHead> {
  static constexpr std::array kTable{std::pair{run::TeacherHead::probe, "probe"},
                                     std::pair{run::TeacherHead::keep, "keep"},
                                     std::pair{run::TeacherHead::zero_shot, "zero-shot"}};
};
template <>
struct Words<run::TeacherInit> {
  static constexpr std::array kTable{std::pair{run::TeacherInit::linear_probe, "linear-probe"},
                                     std::pair{run::TeacherInit::finetune, "finetune"},
                                     std::pair{run::TeacherInit::scratch, "scratch"}};
};
template <>
struct Words<run::OptimizerKind> {
  static constexpr std::array kTable{std::pair{run::OptimizerKind::automatic, "auto"},
                                     std::pair{run::OptimizerKind::muon, "muon"},
                                     std::pair{run::OptimizerKind::adamw, "adamw"}};
};
template <>
struct Words<run::StartKind> {
  static constexpr std::array kTable{std::pair{run::StartKind::silent, "silent"},
                                     std::pair{run::StartKind::as_published, "public"}};
};
template <>
struct Words<run::PrecisionKind> {
  static constexpr std::array kTable{std::pair{run::PrecisionKind::automatic, "auto"},
                                     std::pair{run::PrecisionKind::fp32, "fp32"},
                                     std::pair{run::PrecisionKind::bf16, "bf16"}};
};
template <>
struct Words<run::MoreViews> {
  static constexpr std::array kTable{std::pair{run::MoreViews::repeat, "repeat"},
                                     std::pair{run::MoreViews::live, "live"}};
};
template <>
struct Words<run::ImageStoreKind> {
  static constexpr std::array kTable{std::pair{run::ImageStoreKind::automatic, "auto"},
                                     std::pair{run::ImageStoreKind::pixels, "pixels"},
                                     std::pair{run::ImageStoreKind::files, "files"}};
};
template <>
struct Words<run::TrustedLabels> {
  static constexpr std::array kTable{std::pair{run::TrustedLabels::real, "real"},
                                     std::pair{run::TrustedLabels::all, "all"}};
};
template <>
struct Words<run::ExtraLosses> {
  static constexpr std::array kTable{std::pair{run::ExtraLosses::all, "all"},
                                     std::pair{run::ExtraLosses::embedding, "embedding"}};
};
template <>
struct Words<run::Budget> {
  static constexpr std::array kTable{std::pair{run::Budget::steps, "steps"},
                                     std::pair{run::Budget::time, "time"},
                                     std::pair{run::Budget::paper, "paper"}};
};
template <>
struct Words<run::ArmKind> {
  static constexpr std::array kTable{std::pair{run::ArmKind::scratch, "scratch"},
                                     std::pair{run::ArmKind::linear_probe, "linear-probe"},
                                     std::pair{run::ArmKind::finetune, "finetune"},
                                     std::pair{run::ArmKind::distill, "distill"},
                                     std::pair{run::ArmKind::finetune_distill, "finetune-distill"}};
};
template <>
struct Words<run::Recipe> {
  static constexpr std::array kTable{std::pair{run::Recipe::paper, "paper"},
                                     std::pair{run::Recipe::patient, "patient"}};
};
template <>
struct Words<run::EvaluatedSplit> {
  static constexpr std::array kTable{std::pair{run::EvaluatedSplit::test, "test"},
                                     std::pair{run::EvaluatedSplit::validation, "validation"},
                                     std::pair{run::EvaluatedSplit::train, "train"},
                                     std::pair{run::EvaluatedSplit::all, "all"}};
};

}  // namespace retort
