#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "retort/core/file.h"

namespace retort::testing {

struct Outcome {
  int code = -1;  // the exit status, or 128 + signal
  std::string text;
};

// Starts a program whose standard output and error go to one file.
inline pid_t start_program(std::vector<std::string> words, const std::filesystem::path& output) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  const pid_t child = ::fork();
  if (child != 0) {
    ::close(file);
    return child;
  }
  ::dup2(file, STDOUT_FILENO);
  ::dup2(file, STDERR_FILENO);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

inline Outcome await_program(pid_t child, const std::filesystem::path& output) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(output)};
}

inline bool has_ended(pid_t child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == child;
}

inline Outcome run_program(const std::vector<std::string>& words,
                           const std::filesystem::path& output) {
  return await_program(start_program(words, output), output);
}

}  // namespace retort::testing
