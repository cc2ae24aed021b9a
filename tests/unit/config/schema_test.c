/* SPDX-License-Identifier: Apache-2.0 */
/* schema_test.c - the tables of schema.c are whole and agree with the parser. */
#include "config/schema.h"
#include "config/schema_parse.h"
#include "tests/lib/unit.h"

#include <string.h>

static const struct schema_object *const objects[] = { &schema_network, &schema_vif };

static void every_field_has_a_doc_and_fits_its_kind(void **)
{
	for (unsigned o = 0; o < ARRAY_LEN(objects); o++)
		for (size_t i = 0; i < objects[o]->n_fields; i++) {
			const struct schema_field *f = &objects[o]->field[i];

			assert_true(f->doc && f->doc[0]);
			assert_true((f->kind == FIELD_BOOL) == (f->arg == NULL));
			assert_true((f->kind == FIELD_ENUM) == (f->values != NULL));
			if (f->kind == FIELD_U32 || f->kind == FIELD_STRING
				|| (f->flags & FIELD_LIST))
				assert_true(f->max > f->min);
			assert_true(f->flag || i == 0);
		}
}

static void flags_are_unique_and_found(void **)
{
	for (unsigned o = 0; o < ARRAY_LEN(objects); o++)
		for (size_t i = 0; i < objects[o]->n_fields; i++) {
			const struct schema_field *f = &objects[o]->field[i];

			if (f->flag)
				assert_ptr_equal(schema_flag(objects[o], f->flag), f);
		}
	assert_null(schema_flag(&schema_vif, "nothing"));
	assert_null(schema_field(&schema_vif, "nothing"));
}

static void a_boolean_has_a_row_that_sets_and_one_that_clears(void **)
{
	for (unsigned o = 0; o < ARRAY_LEN(objects); o++)
		for (size_t i = 0; i < objects[o]->n_fields; i++) {
			const struct schema_field *f = &objects[o]->field[i];

			if (f->kind != FIELD_BOOL || f->later || (f->flags & FIELD_NEGATED))
				continue;
			assert_ptr_equal(schema_field(objects[o], f->key), f);
			assert_true(i + 1 < objects[o]->n_fields);
			assert_string_equal(f[1].key, f->key);
			assert_true(f[1].flags & FIELD_NEGATED);
		}
}

static void every_field_that_takes_effect_can_be_set(void **)
{
	/* a field without setter would end the program in schema_object.c */
	struct model *m = model_create();

	for (size_t i = 1; i < schema_network.n_fields; i++) {
		struct network_cfg n = { 0 };
		json_t *params = json_pack("{s:s, s:n}", "name", "a", schema_network.field[i].key);
		struct err e = ERR_NONE;
		int rc = schema_parse_network(params, SCHEMA_ADD, &n, &e);

		assert_true(schema_network.field[i].later ? rc < 0 : rc == 0);
		network_cfg_fini(&n);
		json_decref(params);
	}
	for (size_t i = 1; i < schema_vif.n_fields; i++) {
		struct vif_cfg v = { 0 };
		json_t *params = json_pack("{s:s, s:n}", "name", "a", schema_vif.field[i].key);
		struct err e = ERR_NONE;

		(void)!schema_parse_vif(params, SCHEMA_LOAD, m, &v, &e);
		json_decref(params);
	}
	model_destroy(m);
}

static void names_of_enums_are_those_of_the_tables(void **)
{
	assert_string_equal(schema_mode_name(NETWORK_MODE_ISOLATED), "isolated");
	assert_string_equal(schema_mode_name(NETWORK_MODE_OPEN), "open");
	assert_string_equal(schema_profile_name(PROFILE_TENANT), "tenant");
	assert_string_equal(schema_type_name(VIF_TYPE_TAP), "tap");
	assert_string_equal(schema_type_name(VIF_TYPE_NETDEV), "netdev");
	assert_string_equal(schema_type_name(VIF_TYPE_HOST), "host");
	assert_string_equal(schema_type_name(VIF_TYPE_MEM), "mem");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_has_a_doc_and_fits_its_kind),
		cmocka_unit_test(flags_are_unique_and_found),
		cmocka_unit_test(a_boolean_has_a_row_that_sets_and_one_that_clears),
		cmocka_unit_test(every_field_that_takes_effect_can_be_set),
		cmocka_unit_test(names_of_enums_are_those_of_the_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
