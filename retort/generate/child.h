#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace retort::generate {

// A program that runs beside us, in a process group of its own, so that Ctrl-C in a terminal is
// ours to answer. Its standard error is kept, for messages; so is its standard output, unless it is
// talked to. It does not outlive us: a second process, the keeper, is its parent and ends its whole
// group as soon as we have ended, be it by a signal that nobody can catch.
class Child {
 public:
  enum class Talk { no, yes };
  // words[0] is a file, or a name to look for on the PATH. Throws Error when it cannot be started.
  Child(const std::vector<std::string>& words, Talk talk);
  // Ends it, if it has not ended.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Its standard input and output, where it is talked to. Writing to it does not raise SIGPIPE if
  // send() is told so.
  int socket() const { return socket_; }
  // Waits until it ends. Empty when it exited with 0, else how it ended: "ended with status 3",
  // "was ended by a signal (Aborted)".
  std::string wait();
  // The last lines that it printed, on one line; may be empty.
  std::string last_words() const;

 private:
  pid_t keeper_ = -1;
  int socket_ = -1, printed_ = -1;
  int alive_ = -1;   // our end of a pipe that the keeper listens at: it closes when we end
  int report_ = -1;  // the keeper writes there how the program ended
};

}  // namespace retort::generate
