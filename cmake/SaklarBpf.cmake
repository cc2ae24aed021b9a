# SPDX-License-Identifier: Apache-2.0
# generated/netdev_bpf.h: the tc program vif/netdev.bpf.c, compiled by clang for the bpf target.
find_program(BPF_CLANG NAMES clang clang-14 REQUIRED)
set(bpf_source ${CMAKE_SOURCE_DIR}/vif/netdev.bpf.c)
set(bpf_object ${CMAKE_BINARY_DIR}/generated/netdev.bpf.o)
set(bpf_header ${CMAKE_BINARY_DIR}/generated/netdev_bpf.h)
# bpf code includes kernel headers only; <asm/types.h> lives in the multiarch directory
set(bpf_include /usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
add_custom_command(OUTPUT ${bpf_header}
  COMMAND ${BPF_CLANG} -target bpf -std=gnu2x -O2 -g -Wall -Werror -I${CMAKE_SOURCE_DIR} -I${bpf_include}
    -c ${bpf_source} -o ${bpf_object}
  COMMAND ${CMAKE_COMMAND} -DIN=${bpf_object} -DOUT=${bpf_header} -DNAME=netdev_bpf_object
    -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${bpf_source} ${CMAKE_SOURCE_DIR}/vswitch/abi/verdicts.h
    ${CMAKE_SOURCE_DIR}/vif/bpf_helpers.h ${CMAKE_SOURCE_DIR}/vif/netdev_flow.h
    ${CMAKE_SOURCE_DIR}/vif/netdev_maps.h ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  COMMENT "Compiling vif/netdev.bpf.c"
  VERBATIM)
add_custom_target(saklar_bpf DEPENDS ${bpf_header})
