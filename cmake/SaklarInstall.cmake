# SPDX-License-Identifier: Apache-2.0
# cmake --install: programs, man pages, completion, systemd unit, and the files that keep udev,
# networkd and NetworkManager away from our netdevs.  Programs find each other by the relative path
# between bin/ and sbin/.
foreach(program IN ITEMS saklar:BIN saklard:SBIN saklar-vswitch:SBIN)
  string(REPLACE ":" ";" program ${program})
  list(GET program 0 target)
  list(GET program 1 place)
  if(TARGET ${target})
    install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_${place}DIR})
  endif()
endforeach()

foreach(section IN ITEMS 1 5 8)
  file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/man/*.${section})
  if(pages)
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endif()
endforeach()

if(EXISTS ${CMAKE_SOURCE_DIR}/tools/completion/saklar)
  install(FILES tools/completion/saklar
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endif()

# The unit names the programs by their full path, which is known only when installing:
# --prefix may differ from the one at configure time.
file(GLOB units CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/packaging/systemd/*.service.in)
foreach(unit IN LISTS units)
  get_filename_component(name ${unit} NAME_WLE)
  install(CODE "
    set(SAKLAR_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
    set(SAKLAR_SBINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}\")
    configure_file(\"${unit}\" \"${CMAKE_BINARY_DIR}/generated/${name}\" @ONLY)
    file(INSTALL DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\"
      TYPE FILE FILES \"${CMAKE_BINARY_DIR}/generated/${name}\")")
endforeach()

file(GLOB networkd CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/packaging/networkd/*.link
  ${CMAKE_SOURCE_DIR}/packaging/networkd/*.network)
if(networkd)
  install(FILES ${networkd} DESTINATION lib/systemd/network)
endif()
file(GLOB network_manager CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/packaging/NetworkManager/*.conf)
if(network_manager)
  install(FILES ${network_manager} DESTINATION lib/NetworkManager/conf.d)
endif()
file(GLOB udev_rules CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/packaging/udev/*.rules)
if(udev_rules)
  install(FILES ${udev_rules} DESTINATION lib/udev/rules.d)
endif()

# Xen looks for its hotplug scripts in /etc/xen/scripts; docs/xen.md says how it gets there.
install(PROGRAMS packaging/xen/vif-saklar DESTINATION ${CMAKE_INSTALL_DATADIR}/saklar/xen)
