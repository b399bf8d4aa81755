// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace shale::cli {

namespace {

// Returns 0 or the errno. A descriptor somebody made non-blocking is waited for.
int write_fully(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      struct pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

extern "C" void show_cursor_and_die(int signal) {
  constexpr std::string_view kShow = "\033[?7h\033[?25h\n";
  (void)!write(STDERR_FILENO, kShow.data(), kShow.size());  // nobody to tell
  // SA_RESETHAND has restored the default action; the signal is blocked until this function returns.
  (void)raise(signal);
}

}  // namespace

bool is_terminal(int fd) {
  const char* term = std::getenv("TERM");
  return isatty(fd) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

bool wants_color(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  return is_terminal(fd) && (no_color == nullptr || *no_color == 0);
}

TerminalSize terminal_size(int fd) {
  TerminalSize size;
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr) {
    const long value = std::strtol(columns, nullptr, 10);
    if (value > 0 && value < 10000) size.columns = static_cast<int>(value);
  }
  struct winsize window{};
  if (ioctl(fd, TIOCGWINSZ, &window) == 0) {
    if (window.ws_col > 0) size.columns = window.ws_col;
    if (window.ws_row > 0) size.rows = window.ws_row;
  }
  return size;
}

void ensure_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is `fd`, as the lower ones are open by now. Inherited on purpose, hence no
    // O_CLOEXEC.
    // Where there is no /dev/null, what is opened instead can be neither read nor written.
    if (open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd && open("/", O_PATH) != fd) std::abort();
  }
}

void write_stderr(std::string_view text) { (void)write_fully(STDERR_FILENO, text); }  // nobody to tell

Status write_stdout(std::string_view text) {
  const int error = write_fully(STDOUT_FILENO, text);
  if (error != 0 && error != EPIPE) return fail_errno(error, "write to standard output");
  return {};
}

void restore_cursor_on_signals() {
  struct sigaction action{};
  action.sa_handler = show_cursor_and_die;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before{};
    // What the caller chose to ignore (nohup) stays ignored.
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL)
      (void)sigaction(signal, &action, nullptr);  // cannot fail with these arguments
  }
}

}  // namespace shale::cli
