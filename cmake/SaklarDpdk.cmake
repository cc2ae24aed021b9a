# SPDX-License-Identifier: Apache-2.0
# Target saklar_dpdk: the DPDK libraries the engine needs and no others, headers as SYSTEM.
# The pkg-config module would link every library and driver of DPDK.
add_library(saklar_dpdk INTERFACE)
target_include_directories(saklar_dpdk SYSTEM INTERFACE ${DPDK_INCLUDE_DIRS})
set(dpdk_flags ${DPDK_CFLAGS})
list(FILTER dpdk_flags EXCLUDE REGEX "^-I")
target_compile_options(saklar_dpdk INTERFACE ${dpdk_flags})

# Statically: the engine starts some 50 ms sooner than with the shared libraries, and start-up is
# the gap that guests see when an engine is replaced.  Whole archives, because EAL and the mempool
# driver register themselves in constructors that nobody references.
set(dpdk_archives "")
foreach(lib IN ITEMS mbuf mempool mempool_ring ring eal kvargs telemetry)
  find_library(DPDK_LIB_${lib} NAMES librte_${lib}.a HINTS ${DPDK_LIBRARY_DIRS} REQUIRED)
  list(APPEND dpdk_archives ${DPDK_LIB_${lib}})
endforeach()
find_package(Threads REQUIRED)
target_link_libraries(saklar_dpdk INTERFACE -Wl,--whole-archive ${dpdk_archives}
  -Wl,--no-whole-archive numa bsd Threads::Threads ${CMAKE_DL_LIBS} m)
