-- +goose Up
-- Numbers that are none, or that are too large to reckon with, cannot be stored.
UPDATE collection
SET priority_coefficient = CASE WHEN priority_coefficient = 'NaN' THEN 1 ELSE least(priority_coefficient, 1000) END,
    weight = CASE WHEN weight = 'NaN' THEN 1 ELSE greatest(least(weight, 1000), 0.001) END
WHERE NOT (priority_coefficient BETWEEN 0 AND 1000 AND weight BETWEEN 0.001 AND 1000);

ALTER TABLE collection
    ADD CONSTRAINT collection_numbers CHECK (priority_coefficient BETWEEN 0 AND 1000 AND weight BETWEEN 0.001 AND 1000);
