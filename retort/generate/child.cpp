#include "retort/generate/child.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "retort/core/error.h"

namespace retort::generate {
namespace {

constexpr off_t kKept = 2000;  // bytes of the last output
constexpr size_t kLines = 3;

// A pipe whose ends are closed on exec.
struct Pipe {
  int out = -1, in = -1;
  bool open() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    out = ends[0];
    in = ends[1];
    return true;
  }
  void close() {
    for (int* end : {&out, &in}) {
      if (*end >= 0) ::close(std::exchange(*end, -1));
    }
  }
};

// What the forked processes need. It is made before the fork, because between fork and exec a
// program with several threads must not allocate.
struct Launch {
  std::vector<char*> arguments;
  int input = -1, output = -1, printed = -1;
  Pipe alive, started, report;

  void close() {
    alive.close();
    started.close();
    report.close();
  }
};

void reset_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGQUIT, SIGCHLD})
    ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void fail_to_start(int started) {
  const int reason = errno;
  static_cast<void>(::write(started, &reason, sizeof reason) < 0);
  ::_exit(127);
}

// Runs in the second forked process: replaces it by the program.
[[noreturn]] void become(const Launch& launch, pid_t keeper) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // ends with the keeper, if that is killed
  if (::getppid() != keeper) ::_exit(127);
  if (::dup2(launch.input, STDIN_FILENO) < 0 || ::dup2(launch.output, STDOUT_FILENO) < 0 ||
      ::dup2(launch.printed, STDERR_FILENO) < 0)
    fail_to_start(launch.started.in);
  reset_signals();
  ::execvp(launch.arguments[0], launch.arguments.data());
  fail_to_start(launch.started.in);
}

void close_from_to(int first, int last) {
  constexpr int kOnOldKernels = 65536;  // those before Linux 5.9
  constexpr long kCloseRange = 436;     // close_range on every processor; glibc has it from 2.34 on
  if (first > last ||
      ::syscall(kCloseRange, static_cast<unsigned>(first), static_cast<unsigned>(last), 0U) == 0)
    return;
  for (int descriptor = first; descriptor <= std::min(last, kOnOldKernels); ++descriptor)
    ::close(descriptor);
}

// Closes all descriptors except these and the standard ones: a lock, a socket or a pipe of retort
// would stay in use as long as the keeper runs.
void close_all_but(std::array<int, 6> kept) {
  std::ranges::sort(kept);
  int next = STDERR_FILENO + 1;
  for (const int descriptor : kept) {
    if (descriptor < next) continue;
    close_from_to(next, descriptor - 1);
    next = descriptor + 1;
  }
  close_from_to(next, std::numeric_limits<int>::max());
}

void wake(int) {}

// Runs in the keeper process until it ends. All signals are blocked at its start.
[[noreturn]] void keep(const Launch& launch) {
  ::setpgid(0, 0);
  const pid_t keeper = ::getpid();
  ::prctl(PR_SET_NAME, "retort-keeper");
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
  ::signal(SIGCHLD, wake);
  close_all_but({launch.input, launch.output, launch.printed, launch.alive.out, launch.started.in,
                 launch.report.in});
  const pid_t program = ::fork();
  if (program < 0) fail_to_start(launch.started.in);
  if (program == 0) become(launch, keeper);
  ::setpgid(program, program);  // the program does this too; the first call counts
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
  close_all_but({launch.alive.out, launch.report.in, -1, -1, -1, -1});
  sigset_t none;
  sigemptyset(&none);
  for (;;) {
    int status = 0;
    if (::waitpid(program, &status, WNOHANG) == program) {
      static_cast<void>(::write(launch.report.in, &status, sizeof status) < 0);
      ::_exit(0);
    }
    pollfd alive{launch.alive.out, POLLIN, 0};
    if (::ppoll(&alive, 1, nullptr, &none) > 0) {  // signals such as SIGCHLD arrive only in here
      ::kill(-program, SIGKILL);
      ::_exit(0);
    }
  }
}

// Reads the int that the other end sends; nothing where it closes without sending one.
std::optional<int> read_int(int descriptor) {
  int value = 0;
  ssize_t got = 0;
  do got = ::read(descriptor, &value, sizeof value);
  while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof value) ? std::optional(value) : std::nullopt;
}

}  // namespace

Child::Child(const std::vector<std::string>& words, Talk talk) {
  Launch launch;
  for (const std::string& word : words)
    launch.arguments.push_back(const_cast<char*>(word.c_str()));  // execvp only reads it
  launch.arguments.push_back(nullptr);
  int ends[2] = {-1, -1};
  const auto fail = [&](int reason, const char* mend) {
    launch.close();
    for (const int descriptor :
         {ends[0], ends[1], printed_, talk == Talk::no ? launch.input : -1}) {
      if (descriptor >= 0) ::close(descriptor);
    }
    throw Error(std::string("cannot be started: ") + std::strerror(reason), words[0], mend);
  };
  printed_ = launch.printed = ::memfd_create("retort", MFD_CLOEXEC);
  if (printed_ < 0 || ::fcntl(printed_, F_SETFL, O_APPEND) != 0) fail(errno, "");
  if (talk == Talk::yes && ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    fail(errno, "");
  launch.input = talk == Talk::yes ? ends[1] : ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  launch.output = talk == Talk::yes ? ends[1] : printed_;
  if (launch.input < 0 || !launch.alive.open() || !launch.started.open() || !launch.report.open())
    fail(errno, "");

  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  keeper_ = ::fork();
  if (keeper_ == 0) keep(launch);
  const int reason = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (keeper_ < 0) fail(reason, "");
  ::close(std::exchange(launch.started.in, -1));
  ::close(std::exchange(launch.report.in, -1));
  if (const std::optional<int> problem = read_int(launch.started.out)) {
    ::waitpid(keeper_, nullptr, 0);
    keeper_ = -1;
    fail(*problem, "check its name, the PATH and its permissions");
  }
  ::close(launch.input);
  socket_ = ends[0];
  alive_ = std::exchange(launch.alive.in, -1);
  report_ = std::exchange(launch.report.out, -1);
  launch.close();
}

Child::~Child() {
  ::close(alive_);  // the keeper ends the program
  if (keeper_ > 0) wait();
  ::close(report_);
  if (socket_ >= 0) ::close(socket_);
  ::close(printed_);
}

std::string Child::wait() {
  const std::optional<int> reported = read_int(report_);
  while (::waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
  }
  keeper_ = -1;
  const int status = reported.value_or(SIGKILL);  // no report: the keeper was killed
  if (WIFSIGNALED(status))
    return std::string("was ended by a signal (") + ::strsignal(WTERMSIG(status)) + ")";
  return WEXITSTATUS(status) == 0 ? "" : "ended with status " + std::to_string(WEXITSTATUS(status));
}

std::string Child::last_words() const {
  struct stat info {};
  if (::fstat(printed_, &info) != 0) return "";
  std::string text(static_cast<size_t>(std::min(info.st_size, kKept)), '\0');
  const ssize_t got =
      ::pread(printed_, text.data(), text.size(), info.st_size - static_cast<off_t>(text.size()));
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
  for (size_t i = lines.size() - std::min(lines.size(), kLines); i < lines.size(); ++i)
    words += (words.empty() ? "" : " / ") + lines[i];
  return words;
}

}  // namespace retort::generate
