#pragma once

#include <gtest/gtest.h>

#include <string>

#include "retort/core/error.h"

namespace retort::testing {

// The message of the retort::Error, or of this kind of it, that the call throws. The test fails
// when it throws none; other exceptions pass through.
template <typename Kind = Error, typename Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Kind& error) {
    return error.what();
  }
  ADD_FAILURE() << "no retort::Error was thrown";
  return "";
}

inline bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline ::testing::AssertionResult says(const std::string& message, const std::string& part) {
  if (mentions(message, part)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << message << "' does not say '" << part << "'";
}

}  // namespace retort::testing

// Expects the statement to throw an Error whose message contains `part`.
#define EXPECT_ERROR(statement, part)  \
  EXPECT_TRUE(::retort::testing::says( \
      ::retort::testing::error_of([&] { static_cast<void>(statement); }), part))

// The same for a UsageError.
#define EXPECT_USAGE_ERROR(statement, part)                                                     \
  EXPECT_TRUE(::retort::testing::says(                                                          \
      ::retort::testing::error_of<::retort::UsageError>([&] { static_cast<void>(statement); }), \
      part))
