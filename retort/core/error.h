#pragma once

#include <memory>
#include <stdexcept>
#include <string>

namespace retort {

// The one exception that retort throws on purpose: what is wrong, where it is (file, line, field),
// and how to mend it.
class Error : public std::runtime_error {
 public:
  struct Parts {
    std::string what, where, mend;
  };

  explicit Error(const std::string& what, const std::string& where = "",
                 const std::string& mend = "")
      : std::runtime_error((where.empty() ? what : where + ": " + what) +
                           (mend.empty() ? "" : "\n  to mend it: " + mend)),
        parts_(std::make_shared<const Parts>(Parts{what, where, mend})) {}

  const Parts& parts() const { return *parts_; }

 private:
  std::shared_ptr<const Parts> parts_;  // shared, so that copying cannot throw
};

// A request that is invalid: a value out of range, an unknown name. The command line exits with
// status 2 on it, and with 1 on other errors.
class UsageError : public Error {
 public:
  using Error::Error;
};

// The user asked to stop (Ctrl-C). What was done is saved; the same command goes on from there.
class Interrupted : public Error {
 public:
  using Error::Error;
};

}  // namespace retort
