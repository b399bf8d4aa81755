// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/chmod.h"

#include <fmt/format.h>

#include <charconv>
#include <string>

namespace shale::dockerfile {

namespace {

constexpr std::uint32_t kUser = 4;
constexpr std::uint32_t kGroup = 2;
constexpr std::uint32_t kOther = 1;
constexpr std::uint32_t kAll = kUser | kGroup | kOther;
constexpr std::uint32_t kSetUid = 04000;
constexpr std::uint32_t kSetGid = 02000;
constexpr std::uint32_t kSticky = 01000;

std::unexpected<Error> invalid(std::string_view text) {
  auto error = fail(
      ErrorKind::kDockerfile,
      fmt::format("invalid chmod parameter: '{}'. it should be octal string and between 0 and 07777", text));
  error.error().add_hint("a symbolic mode works too, as in 'u=rwX,go=rX' or '+x'");
  return error;
}

// `bits` (rwx as 7) in each of the three places that `who` names.
std::uint32_t spread(std::uint32_t bits, std::uint32_t who) {
  return ((who & kUser) != 0 ? bits << 6 : 0) | ((who & kGroup) != 0 ? bits << 3 : 0) |
         ((who & kOther) != 0 ? bits : 0);
}

std::uint32_t who_bit(char c) {
  return c == 'u' ? kUser : c == 'g' ? kGroup : c == 'o' ? kOther : c == 'a' ? kAll : 0;
}

}  // namespace

Result<Chmod> Chmod::parse(std::string_view text) {
  Chmod result;
  if (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    std::uint32_t mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (error != std::errc() || end != text.data() + text.size() || mode > 07777) return invalid(text);
    result.octal_ = mode;
    return result;
  }
  std::size_t at = 0;
  const auto current = [&] { return at < text.size() ? text[at] : ','; };
  for (;;) {
    std::uint32_t who = 0;
    for (; who_bit(current()) != 0; ++at) who |= who_bit(current());
    if (current() != '+' && current() != '-' && current() != '=') return invalid(text);
    while (current() == '+' || current() == '-' || current() == '=') {
      Clause clause{.who = who, .operation = text[at++]};
      if (const char from = current(); from == 'u' || from == 'g' || from == 'o') {
        clause.copy_from = from;
        ++at;
      }
      for (; clause.copy_from == 0; ++at) {
        const char c = current();
        if (c == 'r')
          clause.bits |= 4;
        else if (c == 'w')
          clause.bits |= 2;
        else if (c == 'x')
          clause.bits |= 1;
        else if (c == 'X')
          clause.conditional_execute = true;
        else if (c == 's')
          clause.special = true;
        else if (c == 't')
          clause.sticky = true;
        else
          break;
      }
      result.clauses_.push_back(clause);
    }
    if (at >= text.size()) return result;
    if (text[at++] != ',') return invalid(text);
  }
}

std::uint32_t Chmod::apply(std::uint32_t mode, bool is_directory) const {
  if (octal_) return *octal_;
  mode &= 07777;
  for (const Clause& clause : clauses_) {
    const std::uint32_t who = clause.who == 0 ? kAll : clause.who;
    std::uint32_t bits = clause.bits;
    if (clause.conditional_execute && (is_directory || (mode & 0111) != 0)) bits |= 1;
    if (clause.copy_from == 'u') bits = (mode >> 6) & 7;
    if (clause.copy_from == 'g') bits = (mode >> 3) & 7;
    if (clause.copy_from == 'o') bits = mode & 7;
    std::uint32_t change = spread(bits, who);
    if (clause.special) change |= ((who & kUser) != 0 ? kSetUid : 0) | ((who & kGroup) != 0 ? kSetGid : 0);
    if (clause.sticky) change |= kSticky;
    if (clause.operation == '+') {
      mode |= change;
    } else if (clause.operation == '-') {
      mode &= ~change;
    } else {
      std::uint32_t cleared = spread(7, who);
      if ((who & kUser) != 0) cleared |= kSetUid;
      if ((who & kGroup) != 0) cleared |= kSetGid;
      if (who == kAll) cleared |= kSticky;
      mode = (mode & ~cleared) | change;
    }
  }
  return mode;
}

}  // namespace shale::dockerfile
