// SPDX-License-Identifier: Apache-2.0
#include "shale/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "base/json.h"

namespace shale {

struct Error::Payload {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;
  int errno_value = 0;
  int step_status = 0;
  bool has_span = false;
  SourceSpan span;
  std::vector<std::string> contexts;
  std::vector<std::string> hints;
  std::string excerpt;
  std::vector<Error> others;
};

namespace {

// The one place that turns an errno into a kind.
ErrorKind kind_of_errno(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::kNotFound;
    case EPERM:
    case EACCES:
    case EROFS:
      return ErrorKind::kPermission;
    case ENOSPC:
    case EDQUOT:
      return ErrorKind::kNoSpace;
    case ENOSYS:
    case EOPNOTSUPP:
      return ErrorKind::kUnsupported;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ETIMEDOUT:
      return ErrorKind::kNetwork;
    case EBUSY:
      return ErrorKind::kBusy;
    default:
      return ErrorKind::kSystem;
  }
}

}  // namespace

Error::Error(ErrorKind kind, std::string message) : payload_(std::make_unique<Payload>()) {
  payload_->kind = kind;
  payload_->message = std::move(message);
}
Error::Error(const Error& other)
    : payload_(other.payload_ ? std::make_unique<Payload>(*other.payload_) : nullptr) {}
Error& Error::operator=(const Error& other) {
  if (this != &other) payload_ = other.payload_ ? std::make_unique<Payload>(*other.payload_) : nullptr;
  return *this;
}
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

Error Error::system(int errno_value, std::string what) {
  Error error(kind_of_errno(errno_value), std::move(what));
  error.payload_->errno_value = errno_value;
  if (errno_value == ENOSPC || errno_value == EDQUOT)
    error.add_hint("free some space, or put the store elsewhere with --root or SHALE_ROOT");
  if (errno_value == EMFILE)
    error.add_hint("a process may have no more files open: raise the limit, for example 'ulimit -n 65536'");
  return error;
}

Error&& Error::at(SourceSpan span) && {
  set_span(std::move(span));
  return std::move(*this);
}
Error&& Error::hint(std::string text) && {
  add_hint(std::move(text));
  return std::move(*this);
}
Error&& Error::context(std::string text) && {
  add_context(std::move(text));
  return std::move(*this);
}
Error&& Error::with_excerpt(std::string excerpt) && {
  payload_->excerpt = std::move(excerpt);
  return std::move(*this);
}
void Error::add_hint(std::string text) { payload_->hints.push_back(std::move(text)); }
void Error::add_context(std::string text) { payload_->contexts.push_back(std::move(text)); }
void Error::set_span(SourceSpan span) {
  payload_->span = std::move(span);
  payload_->has_span = true;
}

ErrorKind Error::kind() const { return payload_->kind; }
const std::string& Error::message() const { return payload_->message; }
int Error::errno_value() const { return payload_->errno_value; }
const SourceSpan* Error::span() const { return payload_->has_span ? &payload_->span : nullptr; }
const std::vector<std::string>& Error::contexts() const { return payload_->contexts; }
const std::vector<std::string>& Error::hints() const { return payload_->hints; }
const std::string& Error::excerpt() const { return payload_->excerpt; }
int Error::step_status() const { return payload_->step_status; }
void Error::set_step_status(int status) { payload_->step_status = status; }
const std::vector<Error>& Error::others() const { return payload_->others; }
void Error::add_other(Error error) { payload_->others.push_back(std::move(error)); }

void collect(std::optional<Error>& all, Error error) {
  if (all)
    all->add_other(std::move(error));
  else
    all = std::move(error);
}

std::string Error::to_line() const {
  if (payload_->errno_value == 0) return payload_->message;
  return fmt::format("{}: {}", payload_->message, std::strerror(payload_->errno_value));
}

// The form in which errors cross process boundaries.
struct Error::Wire {
  static Json to_json(const Error& error) {
    const Payload& payload = *error.payload_;
    Json json = {{"kind", static_cast<int>(payload.kind)}, {"message", payload.message}};
    if (payload.errno_value != 0) json["errno"] = payload.errno_value;
    if (payload.step_status != 0) json["status"] = payload.step_status;
    if (const SourceSpan* span = error.span())
      json["span"] = {{"file", span->file},
                      {"line", span->line},
                      {"column", span->column},
                      {"end_line", span->end_line},
                      {"length", span->length}};
    json["contexts"] = payload.contexts;
    json["hints"] = payload.hints;
    json["excerpt"] = payload.excerpt;
    for (const Error& other : payload.others) json["others"].push_back(to_json(other));
    return json;
  }

  static Error from_json(const Json& json) {
    const std::int64_t kind = json_int(json, "kind", -1);
    // A number that is no kind comes from a program of another version.
    const bool known = kind >= 0 && kind <= static_cast<int>(ErrorKind::kInternal);
    Error error(known ? static_cast<ErrorKind>(kind) : ErrorKind::kInternal, json_string(json, "message"));
    Payload& payload = *error.payload_;
    payload.errno_value = static_cast<int>(json_int(json, "errno"));
    payload.step_status = static_cast<int>(json_int(json, "status"));
    if (const Json* span = json_member(json, "span"))
      error.set_span({.file = json_string(*span, "file"),
                      .line = static_cast<int>(json_int(*span, "line")),
                      .column = static_cast<int>(json_int(*span, "column")),
                      .end_line = static_cast<int>(json_int(*span, "end_line")),
                      .length = static_cast<int>(json_int(*span, "length"))});
    payload.contexts = strings(json, "contexts");
    payload.hints = strings(json, "hints");
    payload.excerpt = json_string(json, "excerpt");
    if (const Json* list = json_member(json, "others"))
      for (const Json& item : *list) payload.others.push_back(from_json(item));
    return error;
  }

 private:
  static std::vector<std::string> strings(const Json& json, const char* key) {
    std::vector<std::string> out;
    if (const Json* list = json_member(json, key))
      for (const Json& item : *list)
        if (item.is_string()) out.push_back(item.get<std::string>());
    return out;
  }
};

namespace {

void render_one(std::string& out, const Error& error, bool color) {
  const char* bold_red = color ? "\033[1;31m" : "";
  const char* cyan = color ? "\033[36m" : "";
  const char* reset = color ? "\033[0m" : "";
  if (const SourceSpan* span = error.span(); span != nullptr && span->line > 0) {
    out += fmt::format("{}:{}:", span->file, span->line);
    if (span->column > 0) out += fmt::format("{}:", span->column);
    out += ' ';
  } else if (span != nullptr && !span->file.empty()) {
    out += fmt::format("{}: ", span->file);  // about the file as a whole
  }
  out += fmt::format("{}error:{} {}\n", bold_red, reset, error.to_line());
  if (!error.excerpt().empty()) {
    out += error.excerpt();
    if (out.back() != '\n') out += '\n';
  }
  for (const std::string& line : error.contexts()) out += fmt::format("  {}\n", line);
  for (const std::string& line : error.hints()) out += fmt::format("  {}hint:{} {}\n", cyan, reset, line);
  for (const Error& other : error.others()) render_one(out, other, color);
}

}  // namespace

std::string Error::serialize() const { return dump_json(Wire::to_json(*this)); }

Error Error::deserialize(std::string_view text) {
  Result<Json> json = parse_json(text, "error record");
  if (!json) return {ErrorKind::kInternal, "a helper process ended without saying why"};
  return Wire::from_json(*json);
}

int exit_code(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::kUsage:
    case ErrorKind::kDockerfile:
      return 2;
    case ErrorKind::kUnsupported:
      return 3;
    case ErrorKind::kNetwork:
    case ErrorKind::kRegistry:
      return 4;
    case ErrorKind::kCorrupt:
    case ErrorKind::kBusy:
      return 5;
    case ErrorKind::kInternal:
      return 70;
    case ErrorKind::kCancelled:
      return error.step_status() != 0 ? error.step_status() : 130;
    case ErrorKind::kNotFound:
    case ErrorKind::kPermission:
    case ErrorKind::kStepFailed:
    case ErrorKind::kNoSpace:
    case ErrorKind::kSystem:
      return 1;
  }
  return 70;
}

std::string render(const Error& error, bool color) {
  std::string out;
  render_one(out, error, color);
  return out;
}

}  // namespace shale
