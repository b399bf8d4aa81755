// SPDX-License-Identifier: Apache-2.0
// Error and Result: how every function of Shale reports that it could not do what it was asked.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shale {

// What went wrong, as far as a caller may want to act on it. The program's exit code follows from it
// (exit_code() below).
enum class ErrorKind : std::uint8_t {
  kUsage,        // the command line
  kDockerfile,   // the Dockerfile or something it names in the context
  kNotFound,     // a thing the caller asked for is not there
  kPermission,   // the kernel or the file system said no
  kUnsupported,  // this host cannot do it
  kNetwork,      // a registry or another server could not be reached or misbehaved
  kRegistry,     // a registry answered, with a refusal
  kStepFailed,   // a RUN command ended with a status other than 0
  kCancelled,    // the user interrupted
  kCorrupt,      // stored or downloaded bytes are not what their digest says
  kBusy,         // somebody else holds a lock
  kNoSpace,      // the disk, the quota or the inodes are used up
  kSystem,       // any other failed system call
  kInternal,     // our bug
};

// A place in a source text. Lines and columns count from 1; column 0 means "the whole line";
// `end_line` 0 means the same line.
struct SourceSpan {
  std::string file;
  int line = 0;
  int column = 0;
  int end_line = 0;
  int length = 0;  // bytes to underline from `column`; 0 = one
};

// A value: what was attempted, on what, why it failed, where, and what to do about it. One pointer wide.
// It is data only; cli/ turns it into text. Copyable, so that it can be kept and reported twice.
class Error {
 public:
  Error(ErrorKind kind, std::string message);
  Error(const Error& other);
  Error& operator=(const Error& other);
  Error(Error&&) noexcept;
  Error& operator=(Error&&) noexcept;
  ~Error();

  // An error of a failed system call: the kind follows from `errno_value`, whose text is appended when
  // shown. `what` reads like "open 'x'" (lower case, no full stop, no "failed to").
  static Error system(int errno_value, std::string what);

  // Builder calls, each returning the error itself so that they chain in a return statement.
  Error&& at(SourceSpan span) &&;
  Error&& hint(std::string text) &&;
  // One line about the larger thing that was being done ("while unpacking layer sha256:…"), outermost last.
  Error&& context(std::string text) &&;
  Error&& with_excerpt(std::string excerpt) &&;
  void add_hint(std::string text);
  void add_context(std::string text);
  void set_span(SourceSpan span);

  [[nodiscard]] ErrorKind kind() const;
  [[nodiscard]] const std::string& message() const;
  [[nodiscard]] int errno_value() const;  // 0 = not a system call's
  [[nodiscard]] const SourceSpan* span() const;
  [[nodiscard]] const std::vector<std::string>& contexts() const;
  [[nodiscard]] const std::vector<std::string>& hints() const;
  // Lines of source around the span, already numbered and with a caret; empty if there is none.
  [[nodiscard]] const std::string& excerpt() const;
  // For kStepFailed: the command's exit status, or 128 + signal.
  [[nodiscard]] int step_status() const;
  void set_step_status(int status);
  // Further independent errors found in the same phase, shown after this one.
  [[nodiscard]] const std::vector<Error>& others() const;
  void add_other(Error error);

  // message plus the errno text, on one line.
  [[nodiscard]] std::string to_line() const;

  // One JSON object, and back: errors cross process boundaries this way.
  [[nodiscard]] std::string serialize() const;
  static Error deserialize(std::string_view text);

 private:
  struct Payload;
  struct Wire;
  std::unique_ptr<Payload> payload_;
};

// Makes `error` the first of `all`, or adds it to the first: for phases that go on after an error, so that
// all are shown.
void collect(std::optional<Error>& all, Error error);

// The exit code of a program that ends with this error: 1 a step failed or the image could not be made ·
// 2 usage or Dockerfile · 3 this host cannot do it · 4 registry or network · 5 store damaged or locked ·
// 70 our bug · 130 interrupted. Documented in man 1 shale.
[[nodiscard]] int exit_code(const Error& error);

// The text a person reads: "Dockerfile:14:13: error: …", the excerpt, contexts, hints. `color` adds ANSI
// colours. Ends with a newline.
[[nodiscard]] std::string render(const Error& error, bool color);

// std::expected is [[nodiscard]]; meson.build makes ignoring one an error.
template <typename T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}
[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected<Error>(Error(kind, std::move(message)));
}
[[nodiscard]] inline std::unexpected<Error> fail_errno(int errno_value, std::string what) {
  return std::unexpected<Error>(Error::system(errno_value, std::move(what)));
}

}  // namespace shale

#define SHALE_CONCAT_INNER(a, b) a##b
#define SHALE_CONCAT(a, b) SHALE_CONCAT_INNER(a, b)

// Returns the error of `expr` (a Result<T> or Status) from the enclosing function, if it is one.
#define RETURN_IF_ERROR(expr)                                                  \
  do {                                                                         \
    if (auto shale_status = (expr); !shale_status.has_value())                 \
      return std::unexpected<::shale::Error>(std::move(shale_status.error())); \
  } while (false)

// ASSIGN_OR_RETURN(auto x, f()): x is f's value, or the enclosing function returns f's error.
#define ASSIGN_OR_RETURN(declaration, expr) \
  ASSIGN_OR_RETURN_IMPL(SHALE_CONCAT(shale_result_, __LINE__), declaration, expr)
// NOLINTBEGIN(bugprone-macro-parentheses): a name and a declaration cannot stand in parentheses
#define ASSIGN_OR_RETURN_IMPL(result, declaration, expr)                                      \
  auto result = (expr);                                                                       \
  if (!result.has_value()) return std::unexpected<::shale::Error>(std::move(result.error())); \
  declaration = std::move(*result)
// NOLINTEND(bugprone-macro-parentheses)
