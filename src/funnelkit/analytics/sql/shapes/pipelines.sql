-- Every pipeline that records ever moved in.
SELECT pipeline FROM definition GROUP BY pipeline
