#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace retort::generate {

// A program that runs beside retort, in a process group of its own, so that Ctrl-C in a terminal
// reaches retort alone. Its standard error is kept for messages; so is its standard output, unless
// `talk` is Talk::yes. It does not outlive retort: a second process, the keeper, is its parent and
// kills its process group as soon as retort has ended, even by SIGKILL.
class Child {
 public:
  enum class Talk { no, yes };
  // words[0] is the program's file, or a name that is looked up on the PATH; the others are its
  // arguments. Throws Error when it cannot be started.
  Child(const std::vector<std::string>& words, Talk talk);
  // Kills the program if it has not ended.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The socket that is the program's standard input and output with Talk::yes; else -1. Write to it
  // with send() and MSG_NOSIGNAL, so that SIGPIPE is not raised.
  int socket() const { return socket_; }
  // Waits until the program ends. Returns "" when it exited with 0, else how it ended: "ended with
  // status 3", "was ended by a signal (Aborted)".
  std::string wait();
  // The last three lines that the program printed, joined to one; may be empty.
  std::string last_words() const;

 private:
  pid_t keeper_ = -1;
  int socket_ = -1, printed_ = -1;
  int alive_ = -1;   // our end of a pipe that the keeper polls; it closes when retort ends
  int report_ = -1;  // the keeper writes the program's wait status here
};

}  // namespace retort::generate
