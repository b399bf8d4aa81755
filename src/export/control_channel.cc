// SPDX-License-Identifier: Apache-2.0
// Messages are cut into packets, each with one letter in front: '+' more follows, '.' the last.
#include "export/control_channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

namespace shale::exporter {

namespace {

constexpr std::size_t kPiece = std::size_t{32} << 10;       // far below any socket buffer's limit
constexpr std::size_t kMaxMessage = std::size_t{64} << 20;  // a manifest and a config are 4 MiB each at most

}  // namespace

Status ControlChannel::send(const Json& message) {
  const std::string text = dump_json(message);
  std::string_view rest = text;
  std::string packet;
  do {
    const std::string_view piece = rest.substr(0, kPiece);
    rest.remove_prefix(piece.size());
    packet.assign(rest.empty() ? "." : "+").append(piece);
    ssize_t sent = 0;
    do sent = ::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail_errno(errno, "send a message to the other process");
  } while (!rest.empty());
  return {};
}

Result<std::optional<Json>> ControlChannel::receive() {
  std::string text;
  std::array<char, kPiece + 1> packet;
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), packet.data(), packet.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != ECONNRESET) return fail_errno(errno, "receive a message of the other process");
    if (got <= 0) return std::optional<Json>{};
    text.append(packet.data() + 1, static_cast<std::size_t>(got) - 1);
    if (text.size() > kMaxMessage)
      return fail(ErrorKind::kInternal, "a message between our processes is too long");
    if (packet[0] == '.') break;
  }
  ASSIGN_OR_RETURN(Json message, parse_json(text, "message between our processes"));
  return std::optional<Json>(std::move(message));
}

}  // namespace shale::exporter
