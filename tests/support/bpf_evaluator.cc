// SPDX-License-Identifier: Apache-2.0
#include "support/bpf_evaluator.h"

#include <linux/filter.h>

#include <cstring>

namespace shale::test {

std::optional<std::uint32_t> evaluate(const std::string& program, const struct seccomp_data& call) {
  std::vector<struct sock_filter> code(program.size() / sizeof(struct sock_filter));
  std::memcpy(code.data(), program.data(), code.size() * sizeof(struct sock_filter));
  std::uint32_t a = 0;
  std::uint32_t x = 0;
  std::uint32_t memory[BPF_MEMWORDS] = {};
  for (std::size_t at = 0; at < code.size(); ++at) {
    const struct sock_filter& op = code[at];
    const std::uint32_t operand = BPF_SRC(op.code) == BPF_X ? x : op.k;
    switch (BPF_CLASS(op.code)) {
      case BPF_LD:
        if (BPF_MODE(op.code) == BPF_ABS) {
          if (op.k % 4 != 0 || op.k + 4 > sizeof call) return std::nullopt;
          std::memcpy(&a, reinterpret_cast<const char*>(&call) + op.k, 4);
        } else if (BPF_MODE(op.code) == BPF_IMM) {
          a = op.k;
        } else if (BPF_MODE(op.code) == BPF_MEM && op.k < BPF_MEMWORDS) {
          a = memory[op.k];
        } else {
          return std::nullopt;
        }
        break;
      case BPF_ST:
        if (op.k >= BPF_MEMWORDS) return std::nullopt;
        memory[op.k] = a;
        break;
      case BPF_ALU:
        switch (BPF_OP(op.code)) {
          case BPF_AND:
            a &= operand;
            break;
          case BPF_OR:
            a |= operand;
            break;
          default:
            return std::nullopt;
        }
        break;
      case BPF_JMP: {
        if (BPF_OP(op.code) == BPF_JA) {
          at += op.k;
          break;
        }
        bool taken = false;
        switch (BPF_OP(op.code)) {
          case BPF_JEQ:
            taken = a == operand;
            break;
          case BPF_JGT:
            taken = a > operand;
            break;
          case BPF_JGE:
            taken = a >= operand;
            break;
          case BPF_JSET:
            taken = (a & operand) != 0;
            break;
          default:
            return std::nullopt;
        }
        at += taken ? op.jt : op.jf;
        break;
      }
      case BPF_RET:
        return BPF_RVAL(op.code) == BPF_A ? a : op.k;
      case BPF_MISC:
        if (BPF_MISCOP(op.code) == BPF_TAX)
          x = a;
        else
          a = x;
        break;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

std::string decide(const std::vector<std::string>& programs, const struct seccomp_data& call) {
  // The lower the action as a signed number, the stricter; among equals the program loaded last counts.
  std::uint32_t strictest = SECCOMP_RET_ALLOW;
  for (const std::string& program : programs) {
    const std::optional<std::uint32_t> action = evaluate(program, call);
    if (!action) return "invalid program";
    if (static_cast<std::int32_t>(*action & SECCOMP_RET_ACTION_FULL) <=
        static_cast<std::int32_t>(strictest & SECCOMP_RET_ACTION_FULL))
      strictest = *action;
  }
  switch (strictest & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
      return "allow";
    case SECCOMP_RET_LOG:
      return "log";
    case SECCOMP_RET_ERRNO:
      return "errno " + std::to_string(strictest & SECCOMP_RET_DATA);
    case SECCOMP_RET_KILL_PROCESS:
      return "kill";
    default:
      return "action " + std::to_string(strictest);
  }
}

}  // namespace shale::test
