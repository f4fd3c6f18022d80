// The cgroup driver against directories that look like cgroup v1 and v2.
#include "enclave/sandbox/cgroup.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/store/temporary_directory.hpp"

namespace themis::sandbox {
namespace {

namespace fs = std::filesystem;

class FakeCgroups : public testing::Test {
 protected:
  FakeCgroups() { host_.root = directory_.path(); }
  void file(const fs::path& path, std::string_view text = "") {
    fs::create_directories((host_.root / path).parent_path());
    std::ofstream(host_.root / path) << text;
  }
  std::string text(const fs::path& path) {
    std::ifstream in(host_.root / path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// A v2 group as the kernel would fill it on mkdir.
  void v2_group(const fs::path& group) {
    for (const char* name : {"cgroup.procs", "memory.max", "memory.swap.max", "memory.oom.group",
                             "memory.events", "cpu.max", "pids.max"})
      file(group / name);
  }
  void v1_group(const fs::path& name) {
    for (const char* path : {"memory.limit_in_bytes", "memory.oom_control", "cgroup.procs"})
      file("memory/mine" / name / path);
    for (const char* path : {"cpu.cfs_period_us", "cpu.cfs_quota_us", "cgroup.procs"})
      file("cpu,cpuacct" / name / path);
    for (const char* path : {"pids.max", "cgroup.procs"}) file("pids" / name / path);
  }

  const storage::TemporaryDirectory directory_;
  CgroupHost host_;
  CgroupLimits limits_{.memory_bytes = 100 << 20, .cpu_percent = 150, .processes = 32};
};

TEST_F(FakeCgroups, UsesV2BesideItsOwnGroup) {
  file("cgroup.controllers", "cpu memory pids");
  file("user.slice/cgroup.subtree_control");
  file("user.slice/themis.service/cgroup.procs");
  v2_group("user.slice/themis-1-1");
  host_.own_groups = "0::/user.slice/themis.service\n";
  const Cgroup group = Cgroup::create("themis-1-1", limits_, host_);
  EXPECT_EQ(group.kind(), "v2");
  EXPECT_EQ(group.controllers(), (std::vector<std::string>{"memory", "cpu", "pids"}));
  EXPECT_EQ(text("user.slice/themis-1-1/memory.max"), "104857600");
  EXPECT_EQ(text("user.slice/themis-1-1/memory.swap.max"), "0");
  EXPECT_EQ(text("user.slice/themis-1-1/memory.oom.group"), "1");
  EXPECT_EQ(text("user.slice/themis-1-1/cpu.max"), "150000 100000");
  EXPECT_EQ(text("user.slice/themis-1-1/pids.max"), "32");
  ASSERT_TRUE(group.add(77));
  EXPECT_EQ(text("user.slice/themis-1-1/cgroup.procs"), "77");
  EXPECT_EQ(group.oom_kills(), 0u);
  file("user.slice/themis-1-1/memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\n");
  EXPECT_EQ(group.oom_kills(), 2u);
}

TEST_F(FakeCgroups, ReportsTheV2ControllersItGot) {
  file("cgroup.controllers", "pids");
  file("themis-1-1/pids.max");
  host_.own_groups = "0::/\n";
  EXPECT_EQ(Cgroup::create("themis-1-1", limits_, host_).controllers(),
            std::vector<std::string>{"pids"});
}

TEST_F(FakeCgroups, UsesV1WhenV2HasNoControllers) {
  file("unified/cgroup.controllers", "hugetlb");
  v1_group("themis-1-1");
  host_.own_groups = "9:pids:/\n4:memory:/mine\n2:cpu,cpuacct:/\n0::/\n";
  const Cgroup group = Cgroup::create("themis-1-1", limits_, host_);
  EXPECT_EQ(group.kind(), "v1");
  EXPECT_EQ(group.controllers(), (std::vector<std::string>{"memory", "cpu", "pids"}));
  EXPECT_EQ(text("memory/mine/themis-1-1/memory.limit_in_bytes"), "104857600");
  EXPECT_EQ(text("cpu,cpuacct/themis-1-1/cpu.cfs_quota_us"), "150000");
  EXPECT_EQ(text("cpu,cpuacct/themis-1-1/cpu.cfs_period_us"), "100000");
  EXPECT_EQ(text("pids/themis-1-1/pids.max"), "32");
  ASSERT_TRUE(group.add(77));
  EXPECT_EQ(text("pids/themis-1-1/cgroup.procs"), "77");
  file("memory/mine/themis-1-1/memory.oom_control",
       "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  EXPECT_EQ(group.oom_kills(), 1u);
}

/// The memory group kept its process, so it could never be removed.
TEST_F(FakeCgroups, RegressAProcessThatDoesNotGetIntoEveryGroupIsInNone) {
  v1_group("themis-1-1");
  file("memory/mine/cgroup.procs");
  host_.own_groups = "9:pids:/\n4:memory:/mine\n2:cpu,cpuacct:/\n";
  const Cgroup group = Cgroup::create("themis-1-1", limits_, host_);
  fs::remove(host_.root / "cpu,cpuacct/themis-1-1/cgroup.procs");
  const Status added = group.add(77);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Code::io);
  EXPECT_EQ(text("memory/mine/cgroup.procs"), "77") << "moved back";
  EXPECT_EQ(text("pids/themis-1-1/cgroup.procs"), "");
}

TEST_F(FakeCgroups, RegressARootThatCannotBeLookedAtIsNoCgroup) {
  host_.root = host_.root / std::string(300, 'x');  // over NAME_MAX: an error, not an absence
  host_.own_groups = "0::/\n";
  EXPECT_EQ(Cgroup::create("themis-1-1", limits_, host_).kind(), "none");
}

TEST_F(FakeCgroups, SetsOnlyTheLimitsAskedFor) {
  v1_group("themis-1-1");
  host_.own_groups = "9:pids:/\n4:memory:/mine\n2:cpu,cpuacct:/\n";
  EXPECT_EQ(Cgroup::create("themis-1-1", {.processes = 5}, host_).controllers(),
            std::vector<std::string>{"pids"});
  EXPECT_EQ(text("memory/mine/themis-1-1/memory.limit_in_bytes"), "");
  EXPECT_EQ(Cgroup::create("themis-1-1", {}, host_).kind(), "none");
}

TEST_F(FakeCgroups, GoesOnWithoutAny) {
  for (const char* own : {"", "0::/\n", "garbage", "4:memory:/mine\n", ":::", "4:memory"}) {
    host_.own_groups = own;
    const Cgroup group = Cgroup::create("themis-1-1", limits_, host_);
    EXPECT_EQ(group.kind(), "none");
    EXPECT_TRUE(group.controllers().empty());
    EXPECT_TRUE(group.add(77));
  }
}

TEST_F(FakeCgroups, ReportsAGroupThatTakesNoProcess) {
  file("cgroup.controllers", "pids");
  file("themis-1-1/pids.max");
  host_.own_groups = "0::/\n";
  const Status added = Cgroup::create("themis-1-1", limits_, host_).add(77);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Code::io);
}

TEST_F(FakeCgroups, RemovesItsGroupAndThoseOfDeadNodes) {
  const pid_t dead = ::fork();
  if (dead == 0) ::_exit(0);
  ::waitpid(dead, nullptr, 0);
  const std::string left_behind = "themis-" + std::to_string(dead) + "-3";
  const std::string alive = "themis-" + std::to_string(::getpid()) + "-3";
  file("cgroup.controllers", "pids");
  fs::create_directories(host_.root / left_behind);
  fs::create_directories(host_.root / alive);
  fs::create_directories(host_.root / "other");
  host_.own_groups = "0::/\n";
  EXPECT_EQ(Cgroup::create("themis-1-1", limits_, host_).kind(), "none") << "no pids.max appears";
  EXPECT_FALSE(fs::exists(host_.root / "themis-1-1"));
  EXPECT_FALSE(fs::exists(host_.root / left_behind));
  EXPECT_TRUE(fs::exists(host_.root / alive));
  EXPECT_TRUE(fs::exists(host_.root / "other"));
}

}  // namespace
}  // namespace themis::sandbox
