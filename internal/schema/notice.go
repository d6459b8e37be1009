package schema

// NoticeKey is the row of table notice that operators set.
const NoticeKey = "global_notice"
