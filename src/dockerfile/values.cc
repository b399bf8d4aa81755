// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <limits>
#include <optional>
#include <utility>

#include "dockerfile/runes.h"

namespace shale::dockerfile {

namespace {

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::kDockerfile, std::move(message));
}

template <typename Number>
std::optional<Number> whole_number(std::string_view text, int base = 10) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Nanoseconds of a unit, in the order in which names must be tried.
constexpr std::array<std::pair<std::string_view, std::int64_t>, 8> kUnits = {{
    {"ns", 1},
    {"us", 1'000},
    {"µs", 1'000},  // U+00B5
    {"μs", 1'000},  // U+03BC
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
}};

constexpr int kPortCount = 65536;

struct PortRange {
  int first = 0;
  int last = 0;
};

std::optional<PortRange> parse_port_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = whole_number<int>(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : whole_number<int>(text.substr(dash + 1));
  if (!first || !last || *first < 0 || *last >= kPortCount || *last < *first) return std::nullopt;
  return PortRange{*first, *last};
}

constexpr std::array<std::pair<std::string_view, int>, 34> kSignals = {{
    {"ABRT", SIGABRT},     {"ALRM", SIGALRM},   {"BUS", SIGBUS},   {"CHLD", SIGCHLD}, {"CLD", SIGCHLD},
    {"CONT", SIGCONT},     {"FPE", SIGFPE},     {"HUP", SIGHUP},   {"ILL", SIGILL},   {"INT", SIGINT},
    {"IO", SIGIO},         {"IOT", SIGIOT},     {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGPOLL},
    {"PROF", SIGPROF},     {"PWR", SIGPWR},     {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"STKFLT", SIGSTKFLT},
    {"STOP", SIGSTOP},     {"SYS", SIGSYS},     {"TERM", SIGTERM}, {"TRAP", SIGTRAP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU},   {"URG", SIGURG},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
    {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
}};

// Realtime signals as containers see them: glibc keeps 32 and 33 for itself.
constexpr int kFirstRealtime = 34;
constexpr int kLastRealtime = 64;

}  // namespace

Result<std::int64_t> parse_duration(std::string_view text) {
  const auto malformed = [&] { return invalid(fmt::format("invalid duration {}", quote(text))); };
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return 0;
  if (rest.empty()) return malformed();
  long double total = 0;
  while (!rest.empty()) {
    std::size_t digits = 0;
    long double value = 0;
    while (digits < rest.size() && is_digit(rest[digits])) value = value * 10 + (rest[digits++] - '0');
    bool any = digits > 0;
    if (digits < rest.size() && rest[digits] == '.') {
      ++digits;
      long double scale = 1;
      for (; digits < rest.size() && is_digit(rest[digits]); ++digits) {
        any = true;
        scale /= 10;
        value += (rest[digits] - '0') * scale;
      }
    }
    if (!any) return malformed();
    rest.remove_prefix(digits);
    std::size_t letters = 0;
    while (letters < rest.size() && rest[letters] != '.' && !is_digit(rest[letters])) ++letters;
    const std::string_view name = rest.substr(0, letters);
    const auto* const unit =
        std::ranges::find(kUnits, name, &std::pair<std::string_view, std::int64_t>::first);
    if (name.empty()) {
      auto error = malformed();
      error.error().add_hint("a unit is missing: ns, us, ms, s, m or h, as in '30s'");
      return error;
    }
    if (unit == kUnits.end()) {
      return invalid(fmt::format("unknown unit {} in duration {}", quote(name), quote(text)));
    }
    total += value * static_cast<long double>(unit->second);
    if (total >= static_cast<long double>(std::numeric_limits<std::int64_t>::max())) return malformed();
    rest.remove_prefix(letters);
  }
  // Makes up for fractions that binary cannot hold (0.1s).
  const auto nanoseconds = static_cast<std::int64_t>(total + 0.0001L);
  return negative ? -nanoseconds : nanoseconds;
}

PortWord split_port(std::string_view word) {
  PortWord result;
  if (const std::size_t slash = word.find('/'); slash != std::string_view::npos) {
    result.protocol = word.substr(slash + 1);
    word = word.substr(0, slash);
  }
  const std::size_t last_colon = word.rfind(':');
  if (last_colon == std::string_view::npos) {
    result.container_port = word;
    return result;
  }
  result.container_port = word.substr(last_colon + 1);
  word = word.substr(0, last_colon);
  const std::size_t colon = word.rfind(':');
  if (colon == std::string_view::npos) {
    result.host_port = word;
  } else {
    result.host_port = word.substr(colon + 1);
    result.ip = word.substr(0, colon);
  }
  return result;
}

Result<std::vector<std::string>> parse_ports(const std::vector<std::string>& words) {
  static constexpr std::array<std::string_view, 3> kProtocols = {"tcp", "udp", "sctp"};
  // One bit per port: any number of overlapping ranges takes the same memory.
  std::array<std::vector<bool>, kProtocols.size()> used;
  for (const std::string& word : words) {
    const PortWord port = split_port(word);
    const std::string protocol = port.protocol.empty() ? "tcp" : to_lower(port.protocol);
    if (port.container_port.empty()) return invalid(fmt::format("no port specified: {}<empty>", word));
    const auto range = parse_port_range(port.container_port);
    if (!range) return invalid(fmt::format("invalid containerPort: {}", port.container_port));
    if (!port.host_port.empty() && !parse_port_range(port.host_port)) {
      return invalid(fmt::format("invalid hostPort: {}", port.host_port));
    }
    const auto* const known = std::ranges::find(kProtocols, protocol);
    if (known == kProtocols.end()) {
      auto error = invalid(fmt::format("invalid proto: {}", protocol));
      error.error().add_hint("a protocol is tcp, udp or sctp");
      return error;
    }
    std::vector<bool>& bits = used[static_cast<std::size_t>(known - kProtocols.begin())];
    bits.resize(kPortCount);
    std::fill(bits.begin() + range->first, bits.begin() + range->last + 1, true);
  }
  std::vector<std::string> ports;
  for (std::size_t protocol = 0; protocol < kProtocols.size(); ++protocol) {
    for (std::size_t number = 0; number < used[protocol].size(); ++number) {
      if (used[protocol][number]) ports.push_back(fmt::format("{}/{}", number, kProtocols[protocol]));
    }
  }
  std::ranges::sort(ports);
  return ports;
}

Result<int> parse_signal(std::string_view text) {
  const auto unknown = [&] { return invalid(fmt::format("invalid signal: {}", text)); };
  // docker takes every number but 0: which of them are signals is known where the container runs.
  const bool plus = text.starts_with('+') && !text.starts_with("+-");
  if (const auto number = whole_number<int>(text.substr(plus ? 1 : 0))) {
    if (*number == 0) return unknown();
    return *number;
  }
  std::string name = to_upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (const auto& [known, number] : kSignals) {
    if (known == name) return number;
  }
  const auto realtime = [&](std::string_view prefix, int base) -> std::optional<int> {
    if (!name.starts_with(prefix)) return std::nullopt;
    const std::string_view offset = std::string_view(name).substr(prefix.size());
    if (offset.empty()) return base;
    const auto steps = whole_number<int>(offset.substr(1));
    if (!steps || *steps > kLastRealtime || (offset.front() != '+' && offset.front() != '-'))
      return std::nullopt;
    return offset.front() == '+' ? base + *steps : base - *steps;
  };
  for (const auto& number : {realtime("RTMIN", kFirstRealtime), realtime("RTMAX", kLastRealtime)}) {
    if (number && *number >= kFirstRealtime && *number <= kLastRealtime) return *number;
  }
  return unknown();
}

Result<bool> parse_bool(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return invalid(fmt::format("{} is not a boolean value", quote(text)));
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto malformed = [&] { return invalid(fmt::format("invalid size: {}", quote(text))); };
  std::size_t digits = 0;
  bool dot = false;
  long double value = 0;
  long double scale = 1;
  for (; digits < text.size() && (is_digit(text[digits]) || (text[digits] == '.' && !dot)); ++digits) {
    if (text[digits] == '.') {
      dot = true;
      continue;
    }
    value = value * 10 + (text[digits] - '0');
    if (dot) scale *= 10;
  }
  if (digits == 0 || (digits == 1 && dot)) return malformed();
  std::string unit = to_lower(trim(text.substr(digits)));
  if (unit.ends_with("ib")) {
    unit.erase(unit.size() - 2);
    if (unit.empty()) return malformed();
  } else if (unit.ends_with('b')) {
    unit.pop_back();
  }
  static constexpr std::string_view kPrefixes = "kmgtp";
  long double factor = 1;
  if (!unit.empty()) {
    const std::size_t power = kPrefixes.find(unit);
    if (unit.size() != 1 || power == std::string_view::npos) return malformed();
    for (std::size_t i = 0; i <= power; ++i) factor *= 1024;
  }
  const long double bytes = value / scale * factor;
  if (bytes >= static_cast<long double>(std::numeric_limits<std::int64_t>::max())) return malformed();
  return static_cast<std::uint64_t>(bytes);
}

Result<std::vector<std::string>> parse_csv(std::string_view text) {
  std::vector<std::string> fields;
  std::size_t at = 0;
  for (;;) {
    std::string field;
    if (at < text.size() && text[at] == '"') {
      for (++at;; ++at) {
        if (at >= text.size())
          return invalid(fmt::format("extraneous or missing \" in quoted field of {}", quote(text)));
        if (text[at] != '"') {
          field += text[at];
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          field += text[at++];
        } else {
          break;
        }
      }
      ++at;
      if (at < text.size() && text[at] != ',') {
        return invalid(fmt::format("extraneous or missing \" in quoted field of {}", quote(text)));
      }
    } else {
      const std::size_t end = std::min(text.find(',', at), text.size());
      field = text.substr(at, end - at);
      if (field.find('"') != std::string::npos) {
        return invalid(fmt::format("bare \" in non-quoted field {}", quote(field)));
      }
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= text.size()) return fields;
    ++at;  // the comma
  }
}

}  // namespace shale::dockerfile
