// SPDX-License-Identifier: Apache-2.0
#include "build/ssh_forwarder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <list>
#include <string_view>
#include <vector>

#include "sys/files.h"
#include "sys/thread.h"

namespace shale::build {

namespace {

// draft-miller-ssh-agent: a message is its length in four bytes, big-endian, then a byte that says what it
// is.
constexpr std::size_t kHeader = 4;
constexpr std::size_t kMaxMessage = 256 * 1024;  // OpenSSH's AGENT_MAX_LEN
constexpr unsigned char kRequestIdentities = 11;
constexpr unsigned char kSignRequest = 13;
constexpr std::string_view kFailure{"\0\0\0\1\5", 5};
constexpr std::size_t kMaxConnections = 64;

// `length` bytes of the path through the descriptor of its directory: sun_path has room for 107.
Result<struct sockaddr_un> address_of(const std::string& path) {
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorKind::kSystem, fmt::format("the path of the socket '{}' is too long", path));
  path.copy(address.sun_path, path.size());
  return address;
}

Result<UniqueFd> connect_to(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  ASSIGN_OR_RETURN(const UniqueFd directory,
                   sys::open_at(AT_FDCWD, path.substr(0, slash + 1), O_PATH | O_DIRECTORY));
  ASSIGN_OR_RETURN(const struct sockaddr_un address,
                   address_of(fmt::format("/proc/self/fd/{}/{}", directory.get(), path.substr(slash + 1))));
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno(errno, "make a socket");
  if (::connect(socket.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof address) != 0)
    return fail_errno(errno, fmt::format("connect to the ssh agent at '{}'", path));
  if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "set up a socket");
  return socket;
}

// One direction of a connection: whole messages come in, go through, and out.
struct Flow {
  std::string in;   // not yet a whole message
  std::string out;  // to be written
};

struct Connection {
  UniqueFd client;
  UniqueFd agent;
  Flow request;
  Flow answer;
  bool waiting = false;  // the agent has been asked: the next request waits for its answer
  bool broken = false;
};

// Takes what there is to read. False at the end, or when nobody could mean it well.
bool read_some(int fd, std::string& into) {
  char buffer[16384];
  const ssize_t got = ::read(fd, buffer, sizeof buffer);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  into.append(buffer, static_cast<std::size_t>(got));
  return got > 0 && into.size() <= 2 * (kHeader + kMaxMessage);
}

bool write_some(int fd, std::string& from) {
  if (from.empty()) return true;
  const ssize_t put = ::send(fd, from.data(), from.size(), MSG_NOSIGNAL);
  if (put < 0) return errno == EAGAIN || errno == EINTR;
  from.erase(0, static_cast<std::size_t>(put));
  return true;
}

// The first whole message of `text`, taken out of it; empty if there is none yet. False: it is too long.
bool take_message(std::string& text, std::string& message) {
  message.clear();
  if (text.size() < kHeader) return true;
  std::size_t length = 0;
  for (std::size_t i = 0; i < kHeader; ++i) length = length << 8 | static_cast<unsigned char>(text[i]);
  if (length == 0 || length > kMaxMessage) return false;
  if (text.size() < kHeader + length) return true;
  message = text.substr(0, kHeader + length);
  text.erase(0, kHeader + length);
  return true;
}

// Passes on what is allowed, one request at a time, so that our refusals are in their places.
bool advance(Connection& connection) {
  std::string message;
  if (!take_message(connection.answer.in, message)) return false;
  if (!message.empty()) {
    connection.answer.out += message;
    connection.waiting = false;
  }
  while (!connection.waiting) {
    if (!take_message(connection.request.in, message)) return false;
    if (message.empty()) return true;
    const auto kind = static_cast<unsigned char>(message[kHeader]);
    if (kind == kRequestIdentities || kind == kSignRequest) {
      connection.request.out += message;
      connection.waiting = true;
    } else {
      connection.answer.out += kFailure;
    }
  }
  return true;
}

void handle(Connection& connection, short client, short agent) {
  constexpr short kReadable = POLLIN | POLLHUP | POLLERR;
  bool alive = true;
  if ((client & kReadable) != 0) alive = read_some(connection.client.get(), connection.request.in);
  if (alive && (agent & kReadable) != 0) alive = read_some(connection.agent.get(), connection.answer.in);
  if (alive) alive = advance(connection);
  if (alive) alive = write_some(connection.agent.get(), connection.request.out);
  if (alive) alive = write_some(connection.client.get(), connection.answer.out);
  connection.broken = !alive;
}

}  // namespace

Result<std::unique_ptr<SshForwarder>> SshForwarder::start(const SshForwarderOptions& options) {
  std::unique_ptr<SshForwarder> out(new SshForwarder);
  out->agent_ = options.agent;
  ASSIGN_OR_RETURN(out->directory_, sys::open_at(options.directory, ".", O_RDONLY | O_DIRECTORY));
  out->name_ = options.name;
  // Found out here, not by the command.
  ASSIGN_OR_RETURN([[maybe_unused]] const UniqueFd probe, connect_to(options.agent));
  out->listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out->listener_) return fail_errno(errno, "make a socket");
  ASSIGN_OR_RETURN(const struct sockaddr_un address,
                   address_of(fmt::format("/proc/self/fd/{}/{}", options.directory, options.name)));
  if (::bind(out->listener_.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof address) != 0)
    return fail_errno(errno, fmt::format("make the socket '{}'", options.name));
  // In a build with one id every user of the image is that id, and there is no other to give it to.
  if (::fchownat(options.directory, options.name.c_str(), options.uid, options.gid, AT_SYMLINK_NOFOLLOW) !=
          0 &&
      errno != EINVAL)
    return fail_errno(errno, fmt::format("give the socket to {}:{}", options.uid, options.gid));
  if (::fchmodat(options.directory, options.name.c_str(), options.mode, 0) != 0)
    return fail_errno(errno, "set the mode of the socket");
  if (::listen(out->listener_.get(), static_cast<int>(kMaxConnections)) != 0)
    return fail_errno(errno, "listen for the command's ssh");
  ASSIGN_OR_RETURN(out->path_, sys::open_at(options.directory, options.name, O_PATH | O_NOFOLLOW));
  out->stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!out->stop_) return fail_errno(errno, "make an event");
  ASSIGN_OR_RETURN(out->thread_, sys::start_thread("serves the command's ssh",
                                                   [forwarder = out.get()] { forwarder->serve(); }));
  return out;
}

SshForwarder::~SshForwarder() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    thread_.join();
  }
  if (path_) (void)::unlinkat(directory_.get(), name_.c_str(), 0);  // else it goes with the build's directory
}

void SshForwarder::serve() const {
  std::list<Connection> connections;
  for (;;) {
    std::vector<struct pollfd> fds;
    const bool room = connections.size() < kMaxConnections;
    fds.push_back({.fd = stop_.get(), .events = POLLIN, .revents = 0});
    fds.push_back({.fd = room ? listener_.get() : -1, .events = POLLIN, .revents = 0});
    for (const Connection& connection : connections) {
      // Who does not read its answers is not asked for more.
      const bool more = connection.request.in.size() < kMaxMessage && connection.answer.out.empty();
      const short client =
          static_cast<short>((more ? POLLIN : 0) | (connection.answer.out.empty() ? 0 : POLLOUT));
      const short agent = static_cast<short>(POLLIN | (connection.request.out.empty() ? 0 : POLLOUT));
      fds.push_back({.fd = connection.client.get(), .events = client, .revents = 0});
      fds.push_back({.fd = connection.agent.get(), .events = agent, .revents = 0});
    }
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0) return;
    std::size_t at = 2;
    for (Connection& connection : connections) {
      const short client = fds[at].revents;
      const short agent = fds[at + 1].revents;
      at += 2;
      if (client != 0 || agent != 0) handle(connection, client, agent);
    }
    connections.remove_if([](const Connection& connection) { return connection.broken; });
    if (fds[1].revents == 0) continue;
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) continue;
    Result<UniqueFd> agent = connect_to(agent_);
    // Without an agent the connection ends at once, and ssh says that there is none.
    if (agent) connections.push_back({.client = std::move(client), .agent = std::move(*agent)});
  }
}

}  // namespace shale::build
