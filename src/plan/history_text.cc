// SPDX-License-Identifier: Apache-2.0
#include "plan/history_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "plan/git_reference.h"

namespace shale::plan {

namespace {

std::string go_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\a':
        out += "\\a";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\v':
        out += "\\v";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
          out += c;
    }
  }
  return out + "\"";
}

// As Go prints a time.Duration: "30s", "1m30s", "1.5s", "0s".
std::string duration_text(std::chrono::nanoseconds value) {
  const auto total = value.count();
  if (total == 0) return "0s";
  if (total < 1'000'000'000)
    return total % 1'000'000 == 0 ? fmt::format("{}ms", total / 1'000'000) : fmt::format("{}ns", total);
  const auto seconds = total / 1'000'000'000;
  std::string out;
  if (seconds >= 3600) out += fmt::format("{}h", seconds / 3600);
  if (seconds >= 60) out += fmt::format("{}m", seconds / 60 % 60);
  if (const auto rest = total % 1'000'000'000; rest == 0)
    out += fmt::format("{}s", seconds % 60);
  else
    out += fmt::format("{:g}s", static_cast<double>(seconds % 60) + static_cast<double>(rest) / 1e9);
  return out;
}

}  // namespace

std::string quoted_list(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) {
    if (out.size() > 1) out += ' ';
    out += go_quoted(word);
  }
  return out + "]";
}

std::string run_history(const std::vector<std::string>& args,
                        const std::vector<std::pair<std::string, std::optional<std::string>>>& arguments,
                        const Variables& environment) {
  std::vector<std::string> names;
  std::vector<std::string> values;
  for (const auto& [name, value] : arguments) {
    std::string shown = value.value_or("");
    if (const auto current = environment.get(name)) shown = *current;
    const std::string entry = fmt::format("{}={}", name, shown);
    if (const auto found = std::find(names.begin(), names.end(), name); found != names.end()) {
      values[static_cast<std::size_t>(found - names.begin())] = entry;
    } else {
      names.push_back(name);
      values.push_back(entry);
    }
  }
  std::string out = "RUN ";
  if (!values.empty()) out += fmt::format("|{} {} ", values.size(), fmt::join(values, " "));
  return out + fmt::format("{} # buildkit", fmt::join(args, " "));
}

std::string copy_history(const dockerfile::Copy& copy, const CopyOp& op,
                         const std::vector<std::string>& sources, std::string_view destination) {
  std::string out = op.is_add ? "ADD" : "COPY";
  if (op.parents) out += " --parents";
  if (op.chown) out += " --chown=" + *op.chown;
  if (op.chmod) out += " --chmod=" + *op.chmod;
  // Not --exclude: BuildKit leaves it out.
  for (const std::string& source : sources) out += " " + without_login(source);
  for (const dockerfile::InlineSource& source : copy.inline_sources) out += " <<" + source.name;
  return fmt::format("{} {} # buildkit", out, destination);
}

std::string healthcheck_text(const image::Healthcheck& check) {
  return fmt::format("{{Test:[{}] Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{}}}",
                     fmt::join(check.test, " "), duration_text(check.interval), duration_text(check.timeout),
                     duration_text(check.start_period), duration_text(check.start_interval), check.retries);
}

bool is_only_heredoc(std::string_view command) {
  while (!command.empty() && std::isspace(static_cast<unsigned char>(command.front())) != 0)
    command.remove_prefix(1);
  while (!command.empty() && std::isspace(static_cast<unsigned char>(command.back())) != 0)
    command.remove_suffix(1);
  if (!command.starts_with("<<")) return false;
  command.remove_prefix(2);
  if (command.starts_with('-')) command.remove_prefix(1);
  if (command.empty()) return false;
  // The word may be quoted; anything after it makes this a command of its own.
  return std::none_of(command.begin(), command.end(), [](unsigned char c) {
    return std::isspace(c) != 0 || c == '<' || c == '>' || c == '|' || c == ';' || c == '&' || c == '(';
  });
}

}  // namespace shale::plan
