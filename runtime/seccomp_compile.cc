// SPDX-License-Identifier: Apache-2.0
// From a profile to BPF, by libseccomp.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>

#include "runtime/seccomp_profile.h"
#include "runtime/syscall_numbers.h"
#include "sys/files.h"

namespace shale::runtime {

namespace {

using Kind = SeccompAction::Kind;

struct FilterDeleter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterDeleter>;

constexpr std::uint32_t kNative = 0;  // libseccomp resolves it

std::uint32_t to_scmp(const SeccompAction& action) {
  switch (action.kind) {
    case Kind::kAllow:
      return SCMP_ACT_ALLOW;
    case Kind::kErrno:
      return SCMP_ACT_ERRNO(static_cast<std::uint32_t>(action.errno_value));
    case Kind::kKillProcess:
      return SCMP_ACT_KILL_PROCESS;
    case Kind::kLog:
      return SCMP_ACT_LOG;
  }
  return SCMP_ACT_KILL_PROCESS;
}

scmp_arg_cmp to_scmp(const SeccompArgument& argument) {
  using Compare = SeccompArgument::Compare;
  scmp_arg_cmp out{.arg = argument.index, .op = SCMP_CMP_EQ, .datum_a = argument.value, .datum_b = 0};
  switch (argument.compare) {
    case Compare::kEqual:
      break;
    case Compare::kNotEqual:
      out.op = SCMP_CMP_NE;
      break;
    case Compare::kLess:
      out.op = SCMP_CMP_LT;
      break;
    case Compare::kLessEqual:
      out.op = SCMP_CMP_LE;
      break;
    case Compare::kGreater:
      out.op = SCMP_CMP_GT;
      break;
    case Compare::kGreaterEqual:
      out.op = SCMP_CMP_GE;
      break;
    case Compare::kMaskedEqual:
      out.op = SCMP_CMP_MASKED_EQ;
      out.datum_a = argument.mask;
      out.datum_b = argument.value;
      break;
  }
  return out;
}

std::unexpected<Error> library_error(int code, std::string what) {
  return fail_errno(-code, fmt::format("compile the seccomp profile: {}", what));
}

// An empty filter for one architecture (kNative or a SCMP_ARCH_…).
Result<Filter> new_filter(std::uint32_t default_action, std::uint32_t architecture) {
  Filter filter(seccomp_init(default_action));
  if (!filter) return fail(ErrorKind::kInternal, "compile the seccomp profile: libseccomp gave no filter");
  int code = 0;
  if (architecture != kNative) {
    code = seccomp_arch_remove(filter.get(), seccomp_arch_native());
    if (code == 0) code = seccomp_arch_add(filter.get(), architecture);
  }
  // Another architecture's calls, x32's among them, are not there at all.
  if (code == 0) code = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  // A binary search over the numbers in place of a list (libseccomp 2.5).
  if (code == 0) code = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (code != 0) return library_error(code, "set it up");
  return filter;
}

// Whether the library would turn a rule for this call into one for socketcall(2). It then drops the
// conditions, which would refuse every 32-bit program its network; the arguments of socketcall lie in memory,
// where no filter sees them.
bool is_multiplexed(std::uint32_t architecture, const std::string& name) {
  return architecture == SCMP_ARCH_X86 && (name == "socket" || name == "socketpair");
}

struct Compiler {
  const SeccompAction default_action;
  const std::set<std::string_view>& unconditional;  // calls with a rule that has no condition
  const std::uint32_t architecture;
  // What every call is subject to, and once more the refusals with conditions. Two, because libseccomp drops
  // a condition on a call that also has a rule without one, and the kernel takes the stricter answer of two
  // filters.
  Filter policy;
  Filter refusals;
  bool any_refusal = false;
  std::vector<std::string> unresolved;

  Status add(const SeccompRule& rule, const std::string& name);
  static Status add_to(const Filter& filter, const SeccompRule& rule, const std::string& name, int number);
};

Status Compiler::add(const SeccompRule& rule, const std::string& name) {
  const bool refusal = !rule.arguments.empty() && rule.action.kind != Kind::kAllow;
  if (refusal && is_multiplexed(architecture, name)) return {};
  // The library's own numbering first: it also knows names of other architectures, as numbers below zero.
  int number = seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) {
    const std::optional<int> recent = recent_syscall_number(name);
    // It translates numbers between architectures by name, so one it has no name for exists for ours only.
    if (!recent || architecture != kNative) {
      if (rule.action.kind != Kind::kAllow && default_action.kind == Kind::kAllow)
        return fail(
            ErrorKind::kUnsupported,
            fmt::format("the seccomp profile refuses '{}', whose number this libseccomp does not know",
                        name));
      if (std::find(unresolved.begin(), unresolved.end(), name) == unresolved.end())
        unresolved.push_back(name);
      return {};
    }
    number = *recent;
  }
  if (refusal) {
    any_refusal = true;
    RETURN_IF_ERROR(add_to(refusals, rule, name, number));
    if (unconditional.contains(name)) return {};
  }
  if (rule.action == default_action) return {};  // libseccomp takes no rule that changes nothing
  return add_to(policy, rule, name, number);
}

Status Compiler::add_to(const Filter& filter, const SeccompRule& rule, const std::string& name, int number) {
  std::vector<scmp_arg_cmp> arguments;
  for (const SeccompArgument& argument : rule.arguments) arguments.push_back(to_scmp(argument));
  const int code = seccomp_rule_add_array(filter.get(), to_scmp(rule.action), number,
                                          static_cast<unsigned>(arguments.size()), arguments.data());
  // -EEXIST: the same conditions twice; where their actions differ, `refusals` decides.
  if (code != 0 && code != -EEXIST) return library_error(code, fmt::format("the rule for '{}'", name));
  return {};
}

Result<std::string> export_bpf(const Filter& filter) {
  const UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return fail_errno(errno, "make a memory file");
  if (const int code = seccomp_export_bpf(filter.get(), file.get()); code != 0)
    return library_error(code, "export it");
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return fail_errno(errno, "rewind a memory file");
  ASSIGN_OR_RETURN(std::string program, sys::read_fd(file.get(), "seccomp program"));
  constexpr std::size_t kMostInstructions = 4096;  // BPF_MAXINSNS
  if (const std::size_t count = program.size() / sizeof(struct sock_filter); count > kMostInstructions)
    return fail(ErrorKind::kUsage,
                fmt::format("the seccomp profile becomes {} instructions, and the kernel takes {}", count,
                            kMostInstructions));
  return program;
}

// A call that is allowed and refused alike has no meaning.
Status check_contradictions(const std::vector<SeccompRule>& rules) {
  std::map<std::string_view, SeccompAction> plain;
  for (const SeccompRule& rule : rules) {
    if (!rule.arguments.empty()) continue;
    for (const std::string& name : rule.names)
      if (const auto [at, fresh] = plain.emplace(name, rule.action); !fresh && !(at->second == rule.action))
        return fail(ErrorKind::kUsage,
                    fmt::format("the seccomp profile gives '{}' two different actions", name));
  }
  return {};
}

}  // namespace

Result<SeccompFilters> SeccompProfile::compile() const {
  RETURN_IF_ERROR(check_contradictions(rules_));
  std::set<std::string_view> unconditional;
  for (const SeccompRule& rule : rules_)
    if (rule.arguments.empty()) unconditional.insert(rule.names.begin(), rule.names.end());
  std::vector<std::uint32_t> architectures = {kNative};
  if (seccomp_arch_native() == SCMP_ARCH_X86_64) architectures.push_back(SCMP_ARCH_X86);
  Filter policy;
  Filter refusals;
  SeccompFilters out;
  bool any_refusal = false;
  for (const std::uint32_t architecture : architectures) {
    Compiler compiler{.default_action = default_action_,
                      .unconditional = unconditional,
                      .architecture = architecture,
                      .policy = {},
                      .refusals = {},
                      .unresolved = {}};
    ASSIGN_OR_RETURN(compiler.policy, new_filter(to_scmp(default_action_), architecture));
    ASSIGN_OR_RETURN(compiler.refusals, new_filter(SCMP_ACT_ALLOW, architecture));
    for (const SeccompRule& rule : rules_)
      for (const std::string& name : rule.names) RETURN_IF_ERROR(compiler.add(rule, name));
    any_refusal = any_refusal || compiler.any_refusal;
    for (std::string& name : compiler.unresolved)
      if (std::find(out.unresolved.begin(), out.unresolved.end(), name) == out.unresolved.end())
        out.unresolved.push_back(std::move(name));
    if (!policy) {
      policy = std::move(compiler.policy);
      refusals = std::move(compiler.refusals);
      continue;
    }
    // A merge takes the second filter over and releases it.
    if (const int code = seccomp_merge(policy.get(), compiler.policy.get()); code != 0)
      return library_error(code, "join two architectures");
    (void)compiler.policy.release();
    if (const int code = seccomp_merge(refusals.get(), compiler.refusals.get()); code != 0)
      return library_error(code, "join two architectures");
    (void)compiler.refusals.release();
  }
  // The policy last: from then on seccomp(2) itself is subject to it.
  if (any_refusal) {
    ASSIGN_OR_RETURN(std::string program, export_bpf(refusals));
    out.programs.push_back(std::move(program));
  }
  ASSIGN_OR_RETURN(std::string program, export_bpf(policy));
  out.programs.push_back(std::move(program));
  return out;
}

}  // namespace shale::runtime
