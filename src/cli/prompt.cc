// SPDX-License-Identifier: Apache-2.0
#include "cli/prompt.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "cli/terminal.h"

namespace shale::cli {

namespace {

constexpr std::size_t kMaxAnswer = 64 * 1024;

Error cancelled() { return Error(ErrorKind::kCancelled, "interrupted"); }

// A terminal that shows nothing and sends every key, until the object goes. Keys that would end or stop us
// come as bytes, so that nothing can leave the terminal like that.
class SilentTerminal {
 public:
  SilentTerminal() : changed_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!changed_) return;
    struct termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~SilentTerminal() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  struct termios before_{};
  bool changed_;
};

// One byte; nothing at the end of the input.
Result<std::optional<char>> read_key() {
  char key = 0;
  ssize_t got = 0;
  do got = ::read(STDIN_FILENO, &key, 1);
  while (got < 0 && errno == EINTR);
  if (got < 0) return fail_errno(errno, "read from the terminal");
  return got == 0 ? std::nullopt : std::optional(key);
}

}  // namespace

Result<std::string> ask(std::string_view question) {
  write_stderr(question);
  std::string answer;
  while (answer.size() < kMaxAnswer) {
    ASSIGN_OR_RETURN(const std::optional<char> key, read_key());
    if (!key && answer.empty()) return fail(cancelled());
    if (!key || *key == '\n') break;
    answer += *key;
  }
  return answer;
}

Result<std::string> ask_secret(std::string_view question) {
  constexpr char kInterrupt = 3;  // Ctrl-C, Ctrl-D, Ctrl-U
  constexpr char kEnd = 4;
  constexpr char kErase = 21;
  constexpr char kDelete = 127;
  const SilentTerminal silent;
  write_stderr(question);
  std::string answer;
  while (answer.size() < kMaxAnswer) {
    ASSIGN_OR_RETURN(const std::optional<char> key, read_key());
    const bool ends = !key || *key == kEnd;
    if (key == kInterrupt || (ends && answer.empty())) {
      write_stderr("\n");
      return fail(cancelled());
    }
    if (ends || *key == '\n' || *key == '\r') break;
    if (*key == kErase)
      answer.clear();
    else if (*key != kDelete && *key != '\b')
      answer += *key;
    else if (!answer.empty())
      answer.pop_back();
  }
  write_stderr("\n");
  return answer;
}

}  // namespace shale::cli
