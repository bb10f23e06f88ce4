// SPDX-License-Identifier: GPL-2.0-only
/* One deliberate bug for each checker of the debug kernel: insmod bugs.ko bug=NAME. */
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *bug = "";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "which");

static int distance = 1000;
module_param(distance, int, 0444);
MODULE_PARM_DESC(distance, "what no compiler may know");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);

static void out_of_bounds(void)
{
	char *p = kmalloc(100, GFP_KERNEL);

	if (p)
		WRITE_ONCE(p[distance / 10], 1);
	kfree(p);
}

static void use_after_free(void)
{
	char *p = kmalloc(100, GFP_KERNEL);

	kfree(p);
	if (p)
		WRITE_ONCE(p[distance / 100], 1);
}

static void shift(void)
{
	pr_info("%d\n", 1 << distance);
}

static void lock_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleep_in_atomic(void)
{
	spin_lock(&spin);
	mutex_lock(&first);
	mutex_unlock(&first);
	spin_unlock(&spin);
}

static void leak(void)
{
	int i;

	/* more than one, for a stale register may still point to the last */
	for (i = 0; i < 10; i++)
		memset(kmalloc(distance, GFP_KERNEL), 0, distance);
}

static void list_twice(void)
{
	LIST_HEAD(list);
	struct list_head entry;

	list_add(&entry, &list);
	list_add(&entry, &list);
}

/* a module's data is not in the linear map, neither is a stack */
static void sg_unmapped(void)
{
	struct scatterlist sg;

	sg_init_one(&sg, &first, sizeof(first));
	pr_info("%u\n", sg.length);
}

static void lockup(void)
{
	int i;

	preempt_disable();
	for (i = 0; i < 10; i++)
		mdelay(1000);
	preempt_enable();
}

static const struct {
	const char *name;
	void (*make)(void);
} bugs[] = {
	{ "out_of_bounds", out_of_bounds },
	{ "use_after_free", use_after_free },
	{ "shift", shift },
	{ "lock_order", lock_order },
	{ "sleep_in_atomic", sleep_in_atomic },
	{ "leak", leak },
	{ "list_twice", list_twice },
	{ "sg_unmapped", sg_unmapped },
	{ "lockup", lockup },
};

static int __init bugs_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (strcmp(bug, bugs[i].name))
			continue;
		bugs[i].make();
		return 0;
	}
	return -EINVAL;
}
module_init(bugs_init);

static void __exit bugs_exit(void)
{
}
module_exit(bugs_exit);

MODULE_DESCRIPTION("Deliberate bugs");
MODULE_LICENSE("GPL");
