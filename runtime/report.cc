// SPDX-License-Identifier: Apache-2.0
#include "runtime/report.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace shale::runtime {

void give_up(SetupStep step, int errno_value, std::string_view operand) {
  StatusRecord record;
  record.kind = StatusRecord::Kind::kSetupFailed;
  record.step = step;
  record.errno_value = errno_value;
  operand.copy(record.operand, std::min(operand.size(), sizeof record.operand - 1));
  (void)!::write(kStatusFd, &record, sizeof record);  // if nobody listens, nobody needs to know
  ::_exit(127);
}

void report_end(int wait_status) {
  StatusRecord record;
  record.kind = StatusRecord::Kind::kEnded;
  record.wait_status = wait_status;
  ::getrusage(RUSAGE_CHILDREN, &record.usage);
  (void)!::write(kStatusFd, &record, sizeof record);
  ::_exit(0);
}

}  // namespace shale::runtime
