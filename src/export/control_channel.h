// SPDX-License-Identifier: Apache-2.0
// ControlChannel: JSON messages of any size over one end of a SOCK_SEQPACKET pair.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/unique_fd.h"

namespace shale::exporter {

class ControlChannel {
 public:
  explicit ControlChannel(UniqueFd socket) : socket_(std::move(socket)) {}
  [[nodiscard]] int fd() const { return socket_.get(); }
  Status send(const Json& message);
  // Blocks for the next message. None at the end of the stream.
  Result<std::optional<Json>> receive();

 private:
  UniqueFd socket_;
};

}  // namespace shale::exporter
