#include "retort/generate/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "retort/core/error.h"

namespace retort::generate {
namespace {

constexpr off_t kKept = 2000;  // bytes of what it printed last
constexpr size_t kLines = 3;

struct SpawnPlan {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
    sigset_t usual, none;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&usual, signal);
    ::posix_spawnattr_setsigdefault(&attributes, &usual);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

}  // namespace

Child::Child(const std::vector<std::string>& words, Talk talk) {
  SpawnPlan plan;
  int ends[2] = {-1, -1};
  printed_ = ::memfd_create("retort", MFD_CLOEXEC);
  if (printed_ < 0 || ::fcntl(printed_, F_SETFL, O_APPEND) != 0 ||
      (talk == Talk::yes && ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)) {
    const int reason = errno;
    if (printed_ >= 0) ::close(printed_);
    throw Error(std::string("cannot be started: ") + std::strerror(reason), words[0]);
  }
  socket_ = ends[0];
  ::posix_spawn_file_actions_adddup2(&plan.files, printed_, STDERR_FILENO);
  if (talk == Talk::yes) {
    ::posix_spawn_file_actions_adddup2(&plan.files, ends[1], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&plan.files, ends[1], STDOUT_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&plan.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&plan.files, printed_, STDOUT_FILENO);
  }
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));  // only read
  arguments.push_back(nullptr);
  const int error = ::posix_spawnp(&process_, arguments[0], &plan.files, &plan.attributes, arguments.data(), environ);
  if (ends[1] >= 0) ::close(ends[1]);
  if (error == 0) return;
  ::close(printed_);
  if (socket_ >= 0) ::close(socket_);
  throw Error(std::string("cannot be started: ") + std::strerror(error), words[0], "check its name, the PATH and its permissions");
}

Child::~Child() {
  if (process_ > 0) {
    ::kill(-process_, SIGKILL);
    wait();
  }
  if (socket_ >= 0) ::close(socket_);
  ::close(printed_);
}

std::string Child::wait() {
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  if (WIFSIGNALED(status)) return std::string("was ended by a signal (") + ::strsignal(WTERMSIG(status)) + ")";
  return WEXITSTATUS(status) == 0 ? "" : "ended with status " + std::to_string(WEXITSTATUS(status));
}

std::string Child::last_words() const {
  struct stat info {};
  if (::fstat(printed_, &info) != 0) return "";
  std::string text(static_cast<size_t>(std::min(info.st_size, kKept)), '\0');
  const ssize_t got = ::pread(printed_, text.data(), text.size(), info.st_size - static_cast<off_t>(text.size()));
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  std::vector<std::string> lines = {""};
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      if (!lines.back().empty()) lines.emplace_back();
    } else {
      lines.back() += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  if (lines.back().empty()) lines.pop_back();
  std::string words;
  for (size_t i = lines.size() - std::min(lines.size(), kLines); i < lines.size(); ++i) words += (words.empty() ? "" : " / ") + lines[i];
  return words;
}

}  // namespace retort::generate
