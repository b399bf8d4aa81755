// SPDX-License-Identifier: Apache-2.0
#include "registry/retry.h"

#include <gtest/gtest.h>

namespace shale::registry {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToTheLongestWaitWithTenPercentJitter) {
  const Patience patience{.first_wait = milliseconds(1000), .longest_wait = milliseconds(6000)};
  EXPECT_EQ(backoff(patience, 1, 0.5), milliseconds(1000));
  EXPECT_EQ(backoff(patience, 2, 0.5), milliseconds(2000));
  EXPECT_EQ(backoff(patience, 3, 0), milliseconds(3600));
  EXPECT_EQ(backoff(patience, 3, 1), milliseconds(4400));
  EXPECT_EQ(backoff(patience, 1000, 0.5), milliseconds(6000));
}

TEST(PassingStatus, IsWhatMendsItself) {
  for (int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(is_passing_status(status)) << status;
  for (int status : {200, 301, 400, 401, 403, 404, 410, 416, 421, 426, 501})
    EXPECT_FALSE(is_passing_status(status));
}

Exchange answer(int status) {
  Exchange exchange;
  exchange.response.status = status;
  return exchange;
}

TEST(Retry, CountsFailuresSinceTheLastProgress) {
  Retry retry({.tries = 3, .first_wait = milliseconds(1)}, "fetch x");
  EXPECT_TRUE(retry.next(answer(503)).has_value());
  EXPECT_TRUE(retry.next(answer(503)).has_value());
  constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
  retry.reached(kMebibyte);
  EXPECT_TRUE(retry.next(answer(502)).has_value());  // free: data moved
  retry.reached(kMebibyte / 2);                      // the same again,
  retry.reached(2 * kMebibyte - 1);                  // or too little more
  EXPECT_TRUE(retry.next(answer(502)).has_value());
  EXPECT_TRUE(retry.next(answer(502)).has_value());
  const Status last = retry.next(answer(500));
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().message(), "fetch x: status 500");
  ASSERT_EQ(last.error().contexts().size(), 1U);
  EXPECT_EQ(last.error().contexts()[0], "after 4 tries: status 502; status 502; status 502; status 500");
}

TEST(Retry, DoesNotRepeatWhatIsForGood) {
  for (Outcome outcome : {Outcome::kBadTls, Outcome::kNoTls}) {
    Retry retry({.first_wait = milliseconds(1)}, "fetch x");
    Exchange exchange{.outcome = outcome, .problem = "certificate has expired"};
    EXPECT_FALSE(retry.next(exchange).has_value());
  }
}

TEST(Retry, SaysWhatHelps) {
  const auto last_words = [](Outcome outcome) {
    Retry retry({.tries = 1, .first_wait = milliseconds(1)}, "fetch x");
    return render(retry.next({.outcome = outcome, .problem = "no"}).error(), false);
  };
  EXPECT_NE(last_words(Outcome::kUnreachable).find("HTTPS_PROXY"), std::string::npos);
  EXPECT_NE(last_words(Outcome::kBadTls).find("/etc/docker/certs.d/"), std::string::npos);
  EXPECT_NE(last_words(Outcome::kNoTls).find("SHALE_INSECURE_REGISTRIES"), std::string::npos);
  EXPECT_EQ(last_words(Outcome::kBroken).find("hint"), std::string::npos);
}

TEST(NetworkOptions, TheEnvironmentNamesInsecureRegistries) {
  ::setenv("SHALE_INSECURE_REGISTRIES", "one:5000,,two", 1);
  const NetworkOptions options = network_options_from(to_json({.insecure_registries = {"zero"}}));
  ::unsetenv("SHALE_INSECURE_REGISTRIES");
  EXPECT_EQ(options.insecure_registries, (std::vector<std::string>{"zero", "one:5000", "two"}));
  EXPECT_TRUE(network_options_from(to_json({})).insecure_registries.empty());
}

}  // namespace
}  // namespace shale::registry
