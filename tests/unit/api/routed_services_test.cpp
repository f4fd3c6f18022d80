// Calls of C++ services as [[route]] and [[allow]] say: balanced, limited, hedged, sent again.
#include "tests/unit/api/api_fixture.hpp"

namespace themis {
namespace {

/// The next call of any instance in this process waits for its test.
std::atomic<bool>& stalls() {
  static std::atomic<bool> value{false};
  return value;
}

/// The next call of any instance computes until nobody waits for it.
std::atomic<bool>& spins() {
  static std::atomic<bool> value{false};
  return value;
}

/// Tells which one answered.
template <uint64_t kNumber>
class Numbered : public Service {
 public:
  Reply<calls::Told> hello(In<calls::Ask> in) {
    if (spins().exchange(false)) {
      while (!in.frame()->cancelled()) std::this_thread::yield();
      release().release();
    }
    if (stalls().exchange(false)) {
      blocked().release();
      release().acquire();
    }
    Out<calls::Told> out;
    out->setCount(kNumber);
    co_return out;
  }
};

/// A mesh whose members read a mesh.toml of routes and rules.
class RoutedServices : public testing::Test {
 protected:
  void start(const std::string& toml) {
    config_ = std::filesystem::temp_directory_path() /
              ("themis-routes-" + std::to_string(getpid()) + ".toml");
    std::ofstream(config_) << toml;
    first_ = "127.0.0.1:" + std::to_string(free_port());
    NodeSettings seed{.network = "api", .join = "", .listen = first_};
    client_ = join(seed);
  }
  void TearDown() override { std::filesystem::remove(config_); }
  std::unique_ptr<Node> join(NodeSettings settings) {
    settings.network = "api";
    settings.config = config_.string();
    return std::make_unique<Node>(settings);
  }
  template <uint64_t kNumber = 1>
  std::unique_ptr<Node> instance(uint16_t weight = 100) {
    auto node = join({.join = first_, .weight = weight});
    const Status served =
        node->template serve<Numbered<kNumber>, &Numbered<kNumber>::hello>("numbered");
    EXPECT_TRUE(served) << served.error().text();
    return node;
  }
  /// Until `node` has been answered by each of these: the ring knows them all then.
  void wait_for(std::set<uint64_t> numbers, Node& node) {
    for (const TimePoint end = std::chrono::steady_clock::now() + 20s;
         !numbers.empty() && std::chrono::steady_clock::now() < end;)
      if (const auto answer = ask_from(node)) numbers.erase(answer->view()->getCount());
    EXPECT_TRUE(numbers.empty()) << "not within 20 s";
  }
  Result<In<calls::Told>> ask_from(Node& node, Idempotent idempotent = Idempotent::no) {
    Out<calls::Ask> params;
    return node.call<calls::Told>("numbered", params, 10s, idempotent);
  }
  Result<In<calls::Told>> ask(Idempotent idempotent = Idempotent::no) {
    return ask_from(*client_, idempotent);
  }
  std::filesystem::path config_;
  std::string first_;
  std::unique_ptr<Node> client_;
};

TEST_F(RoutedServices, AreClosedToWhoIsNotAllowed) {
  start("[[allow]]\nservice = \"numbered\"\nmethods = [\"Relay\"]\n");
  const auto server = instance();
  EXPECT_EQ(ask().error().code, Code::denied);
}

TEST_F(RoutedServices, AreOpenToAnAllowedMethod) {
  start("[[allow]]\nservice = \"numbered\"\nmethods = [\"Ask\"]\n");
  const auto server = instance();
  const auto answer = ask();
  EXPECT_TRUE(answer) << answer.error().text();
}

TEST_F(RoutedServices, LimitTheRateOfACaller) {
  start("[[route]]\nname = \"numbered\"\nrate = {per_s = 1, burst = 2}\n");
  const auto server = instance();
  EXPECT_TRUE(ask());
  EXPECT_TRUE(ask());
  int limited = 0;
  for (int i = 0; i < 50; ++i) {
    const auto answer = ask();
    if (answer) continue;  // a second has passed
    EXPECT_EQ(answer.error().code, Code::rate_limited);
    ++limited;
  }
  EXPECT_GT(limited, 0);
}

TEST_F(RoutedServices, OfWeightZeroTakeNothing) {
  start("");
  const auto spare = instance<2>(0);
  ASSERT_EQ(ask()->view()->getCount(), 2u) << "nobody else is there";
  const auto used = instance<1>();
  const auto other = join({.join = first_});  // it knows no route yet
  wait_for({1}, *other);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask_from(*other)->view()->getCount(), 1u);
}

TEST_F(RoutedServices, AreAskedTwiceWhenTheFirstIsLate) {
  start("[[route]]\nname = \"numbered\"\nhedge = true\nidempotent = true\n");
  const auto one = instance<1>(), two = instance<2>();
  wait_for({1, 2}, *client_);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(ask());
  stalls() = true;
  const auto answer = ask();  // the pool has two threads: the other instance is not held up
  EXPECT_TRUE(answer) << answer.error().text();
  EXPECT_TRUE(blocked().try_acquire()) << "one of them stalls";
  release().release();
}

TEST_F(RoutedServices, TellTheSlowerOfTwoThatItIsNotNeeded) {
  start("[[route]]\nname = \"numbered\"\nhedge = true\nidempotent = true\n");
  const auto one = instance<1>(), two = instance<2>();
  wait_for({1, 2}, *client_);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(ask());
  spins() = true;
  const auto answer = ask();
  EXPECT_TRUE(answer) << answer.error().text();
  release().acquire();  // the one that would have computed for ever
}

/// Breaks every connection that this process has now: what was on its way is lost. Returns how
/// many. Those that are opened as soon as the first one breaks, under the same numbers perhaps, are
/// others.
size_t cut_connections() {
  std::vector<net::Descriptor> connections;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename().string());
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;  // a listener has no peer
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0 &&
        peer.ss_family == AF_INET)
      connections.emplace_back(dup(fd));
  }
  return static_cast<size_t>(std::ranges::count_if(
      connections, [](const net::Descriptor& fd) { return shutdown(fd.get(), SHUT_RDWR) == 0; }));
}

/// Runs, and breaks its node's connections before it answers, for the first time only.
class Unlucky : public Service {
 public:
  static inline std::atomic<uint64_t> runs_{0}, cut_{0};
  Reply<calls::Told> hello(In<calls::Ask>) {
    if (++runs_ == 1) cut_ = cut_connections();
    Out<calls::Told> out;
    out->setCount(runs_);
    co_return out;
  }
};

class LostReplies : public RoutedServices {
 protected:
  Result<In<calls::Told>> ask_once(Idempotent idempotent) {
    start("");
    Unlucky::runs_ = Unlucky::cut_ = 0;
    server_ = join({.join = first_});
    EXPECT_TRUE((server_->serve<Unlucky, &Unlucky::hello>("unlucky")));
    Out<calls::Ask> params;
    return client_->call<calls::Told>("unlucky", params, 10s, idempotent);
  }
  std::unique_ptr<Node> server_;
};

/// The only instance is asked again with the same key: it has run, and its answer was kept.
TEST_F(LostReplies, OfAnIdempotentCallAreSentAgainAndItRanOnce) {
  const auto answer = ask_once(Idempotent::yes);
  EXPECT_GT(Unlucky::cut_, 0u);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->view()->getCount(), 1u);
  EXPECT_EQ(Unlucky::runs_, 1u);
}

TEST_F(LostReplies, OfAnyOtherCallAreAnError) {
  const auto answer = ask_once(Idempotent::no);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unavailable);
  EXPECT_EQ(Unlucky::runs_, 1u);
}

TEST_F(RoutedServices, OfALostNodeAreRetriedWhenThatIsSafe) {
  start("");
  auto one = instance<1>();
  const auto two = instance<2>();
  wait_for({1, 2}, *client_);
  one.reset();
  for (int i = 0; i < 40; ++i) {
    const auto answer = ask(Idempotent::yes);
    EXPECT_TRUE(answer) << answer.error().text();
  }
}

/// A service whose thread is held answers no check: it gets no calls until it does.
TEST_F(RoutedServices, ThatHangAreLeftAloneUntilTheyAnswerChecks) {
  start(
      "[[route]]\nname = \"numbered\"\npolicy = \"random\"\nretries = 0\n"
      "eject = {failures = 0}\n"
      "health_check = {period_ms = 50, timeout_ms = 100, unhealthy_after = 2}\n");
  const auto one = instance<1>(), two = instance<2>();
  wait_for({1, 2}, *client_);
  stalls() = true;
  std::thread held([&] { (void)ask(); });
  blocked().acquire();
  const auto answered = [&] {
    Out<calls::Ask> params;
    return client_->call<calls::Told>("numbered", params, 100ms).has_value();
  };
  const TimePoint end = std::chrono::steady_clock::now() + 20s;
  int in_a_row = 0;  // by chance only once in a million million times
  while (in_a_row < 40 && std::chrono::steady_clock::now() < end)
    in_a_row = answered() ? in_a_row + 1 : 0;
  EXPECT_EQ(in_a_row, 40);
  release().release();
  held.join();
  wait_for({1, 2}, *client_);
}

}  // namespace
}  // namespace themis
